// A file of several inputs in LiteRT's C API (2.3 and later).
#ifndef EDGE_IMGQ_PORTS_FILE_HPP_
#define EDGE_IMGQ_PORTS_FILE_HPP_

#include <map>
#include <memory>

#include "litert/c/litert_common.h"
#include "litert/c/litert_compiled_model.h"
#include "litert/c/litert_environment.h"
#include "litert/c/litert_model.h"
#include "litert/c/litert_options.h"
#include "litert/c/litert_tensor_buffer.h"
#include "litert/c/litert_tensor_buffer_requirements.h"
#include "ports.hpp"

namespace edge_imgq {

// An open file. One object belongs to one thread at a time.
class PortsFile {
 public:
  // inputs: their tensors by name. signature: its index, in the order of contract.json.
  PortsFile(const std::string& path, std::map<std::string, Tensor> inputs, Tensor output,
            LiteRtHwAcceleratorSet accelerators = kLiteRtHwAcceleratorCpu,
            LiteRtParamIndex signature = 0)
      : inputs_(std::move(inputs)), output_(output), signature_(signature) {
    try {
      Open(path, accelerators);
    } catch (...) {
      Close();
      throw;
    }
  }

  PortsFile(const PortsFile&) = delete;
  PortsFile& operator=(const PortsFile&) = delete;
  ~PortsFile() { Close(); }

  // Runs the file: shares of every input by name, in; `count` levels of its result, out.
  std::vector<std::uint8_t> Run(const std::map<std::string, Shares>& shares, std::size_t count) {
    void* memory = nullptr;
    for (std::size_t place = 0; place < names_.size(); ++place) {
      Held(LiteRtLockTensorBuffer(buffers_[place], &memory, kLiteRtTensorBufferLockModeWrite));
      Store(shares.at(names_[place]), inputs_.at(names_[place]), memory);
      Held(LiteRtUnlockTensorBuffer(buffers_[place]));
    }
    Held(LiteRtRunCompiledModel(compiled_, signature_, buffers_.size(), buffers_.data(), 1, &result_));
    Held(LiteRtLockTensorBuffer(result_, &memory, kLiteRtTensorBufferLockModeRead));
    const auto found = Levels(memory, count, output_);
    Held(LiteRtUnlockTensorBuffer(result_));
    return found;
  }

 private:
  static void Held(LiteRtStatus status) {
    if (status != kLiteRtStatusOk)
      throw std::runtime_error("LiteRT's status is " + std::to_string(static_cast<int>(status)));
  }

  void Open(const std::string& path, LiteRtHwAcceleratorSet accelerators) {
    Held(LiteRtCreateEnvironment(0, nullptr, &environment_));
    Held(LiteRtCreateModelFromFile(environment_, path.c_str(), &model_));
    Held(LiteRtCreateOptions(&options_));
    Held(LiteRtSetOptionsHardwareAccelerators(options_, accelerators));
    Held(LiteRtCreateCompiledModel(environment_, model_, options_, &compiled_));
    LiteRtSignature signature = nullptr;
    LiteRtTensor tensor = nullptr;
    LiteRtRankedTensorType type;
    LiteRtTensorBufferRequirements needs = nullptr;
    Held(LiteRtGetModelSignature(model_, signature_, &signature));
    for (LiteRtParamIndex place = 0; place < inputs_.size(); ++place) {
      const char* name = nullptr;
      LiteRtTensorBuffer buffer = nullptr;
      Held(LiteRtGetSignatureInputName(signature, place, &name));
      Held(LiteRtGetSignatureInputTensorByIndex(signature, place, &tensor));
      Held(LiteRtGetRankedTensorType(tensor, &type));
      Held(LiteRtGetCompiledModelInputBufferRequirements(compiled_, signature_, place, &needs));
      Held(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &type, needs, &buffer));
      names_.push_back(name);
      buffers_.push_back(buffer);
    }
    Held(LiteRtGetSignatureOutputTensorByIndex(signature, 0, &tensor));
    Held(LiteRtGetRankedTensorType(tensor, &type));
    Held(LiteRtGetCompiledModelOutputBufferRequirements(compiled_, signature_, 0, &needs));
    Held(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &type, needs, &result_));
  }

  void Close() {
    if (result_) LiteRtDestroyTensorBuffer(result_);
    for (LiteRtTensorBuffer buffer : buffers_) LiteRtDestroyTensorBuffer(buffer);
    if (compiled_) LiteRtDestroyCompiledModel(compiled_);
    if (options_) LiteRtDestroyOptions(options_);
    if (model_) LiteRtDestroyModel(model_);
    if (environment_) LiteRtDestroyEnvironment(environment_);
  }

  std::map<std::string, Tensor> inputs_;
  Tensor output_;
  LiteRtParamIndex signature_;
  std::vector<std::string> names_;
  std::vector<LiteRtTensorBuffer> buffers_;
  LiteRtEnvironment environment_ = nullptr;
  LiteRtModel model_ = nullptr;
  LiteRtOptions options_ = nullptr;
  LiteRtCompiledModel compiled_ = nullptr;
  LiteRtTensorBuffer result_ = nullptr;
};

}  // namespace edge_imgq

#endif  // EDGE_IMGQ_PORTS_FILE_HPP_
