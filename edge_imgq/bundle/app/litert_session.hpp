// A file in LiteRT's C API (2.3 and later, where models are opened in an environment), with a
// buffer for each input and for the first output.
#ifndef EDGE_IMGQ_LITERT_SESSION_HPP_
#define EDGE_IMGQ_LITERT_SESSION_HPP_

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "litert/c/litert_common.h"
#include "litert/c/litert_compiled_model.h"
#include "litert/c/litert_environment.h"
#include "litert/c/litert_model.h"
#include "litert/c/litert_options.h"
#include "litert/c/litert_tensor_buffer.h"
#include "litert/c/litert_tensor_buffer_requirements.h"

namespace edge_imgq {

// An open file. Not thread-safe.
class LiteRtSession {
 public:
  // accelerators: kLiteRtHwAcceleratorNpu, Gpu and Cpu, joined by |; the next runs what the first
  // does not. signature: its index, in the order of contract.json. inputs: how many it has.
  LiteRtSession(const std::string& path, LiteRtHwAcceleratorSet accelerators,
                LiteRtParamIndex signature, std::size_t inputs)
      : signature_(signature) {
    try {
      Open(path, accelerators, inputs);
    } catch (...) {
      Close();
      throw;
    }
  }

  LiteRtSession(const LiteRtSession&) = delete;
  LiteRtSession& operator=(const LiteRtSession&) = delete;
  ~LiteRtSession() { Close(); }

  // Names of the inputs, in the order of the file.
  const std::vector<std::string>& names() const { return names_; }

  // Runs the file once. write(index, memory) fills an input; read(memory) takes the output.
  template <typename Write, typename Read>
  void Run(const Write& write, const Read& read) {
    void* memory = nullptr;
    for (std::size_t index = 0; index < inputs_.size(); ++index) {
      Check(LiteRtLockTensorBuffer(inputs_[index], &memory, kLiteRtTensorBufferLockModeWrite));
      write(index, memory);
      Check(LiteRtUnlockTensorBuffer(inputs_[index]));
    }
    Check(LiteRtRunCompiledModel(compiled_, signature_, inputs_.size(), inputs_.data(), 1, &output_));
    Check(LiteRtLockTensorBuffer(output_, &memory, kLiteRtTensorBufferLockModeRead));
    read(static_cast<const void*>(memory));
    Check(LiteRtUnlockTensorBuffer(output_));
  }

 private:
  static void Check(LiteRtStatus status) {
    if (status != kLiteRtStatusOk)
      throw std::runtime_error("LiteRT's status is " + std::to_string(static_cast<int>(status)));
  }

  void Open(const std::string& path, LiteRtHwAcceleratorSet accelerators, std::size_t inputs) {
    Check(LiteRtCreateEnvironment(0, nullptr, &environment_));
    Check(LiteRtCreateModelFromFile(environment_, path.c_str(), &model_));
    Check(LiteRtCreateOptions(&options_));
    Check(LiteRtSetOptionsHardwareAccelerators(options_, accelerators));
    Check(LiteRtCreateCompiledModel(environment_, model_, options_, &compiled_));
    LiteRtSignature signature = nullptr;
    LiteRtTensor tensor = nullptr;
    LiteRtTensorBufferRequirements needs = nullptr;
    Check(LiteRtGetModelSignature(model_, signature_, &signature));
    for (LiteRtParamIndex index = 0; index < inputs; ++index) {
      const char* name = nullptr;
      Check(LiteRtGetSignatureInputName(signature, index, &name));
      Check(LiteRtGetSignatureInputTensorByIndex(signature, index, &tensor));
      Check(LiteRtGetCompiledModelInputBufferRequirements(compiled_, signature_, index, &needs));
      names_.push_back(name);
      inputs_.push_back(Buffer(tensor, needs));
    }
    Check(LiteRtGetSignatureOutputTensorByIndex(signature, 0, &tensor));
    Check(LiteRtGetCompiledModelOutputBufferRequirements(compiled_, signature_, 0, &needs));
    output_ = Buffer(tensor, needs);
  }

  LiteRtTensorBuffer Buffer(LiteRtTensor tensor, LiteRtTensorBufferRequirements needs) {
    LiteRtRankedTensorType type;
    LiteRtTensorBuffer buffer = nullptr;
    Check(LiteRtGetRankedTensorType(tensor, &type));
    Check(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &type, needs, &buffer));
    return buffer;
  }

  void Close() {
    if (output_) LiteRtDestroyTensorBuffer(output_);
    for (LiteRtTensorBuffer input : inputs_) LiteRtDestroyTensorBuffer(input);
    if (compiled_) LiteRtDestroyCompiledModel(compiled_);
    if (options_) LiteRtDestroyOptions(options_);
    if (model_) LiteRtDestroyModel(model_);
    if (environment_) LiteRtDestroyEnvironment(environment_);
  }

  LiteRtParamIndex signature_;
  std::vector<std::string> names_;
  std::vector<LiteRtTensorBuffer> inputs_;
  LiteRtTensorBuffer output_ = nullptr;
  LiteRtEnvironment environment_ = nullptr;
  LiteRtModel model_ = nullptr;
  LiteRtOptions options_ = nullptr;
  LiteRtCompiledModel compiled_ = nullptr;
};

}  // namespace edge_imgq

#endif  // EDGE_IMGQ_LITERT_SESSION_HPP_
