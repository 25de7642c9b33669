// A file in LiteRT's C API (2.3 and later, where models are opened in an environment), with a
// buffer for each input and output.
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
  // does not. signature: its index, in the order of contract.json. inputs, outputs: how many
  // it has.
  LiteRtSession(const std::string& path, LiteRtHwAcceleratorSet accelerators,
                LiteRtParamIndex signature, std::size_t inputs, std::size_t outputs)
      : signature_(signature) {
    try {
      Open(path, accelerators, inputs, outputs);
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

  // Names of the outputs, likewise.
  const std::vector<std::string>& outputs() const { return output_names_; }

  // Runs the file once. write(index, memory) fills an input; read(index, memory) takes an output.
  template <typename Write, typename Read>
  void Run(const Write& write, const Read& read) {
    void* memory = nullptr;
    for (std::size_t index = 0; index < inputs_.size(); ++index) {
      Check(LiteRtLockTensorBuffer(inputs_[index], &memory, kLiteRtTensorBufferLockModeWrite));
      write(index, memory);
      Check(LiteRtUnlockTensorBuffer(inputs_[index]));
    }
    Check(LiteRtRunCompiledModel(compiled_, signature_, inputs_.size(), inputs_.data(),
                                 outputs_.size(), outputs_.data()));
    for (std::size_t index = 0; index < outputs_.size(); ++index) {
      Check(LiteRtLockTensorBuffer(outputs_[index], &memory, kLiteRtTensorBufferLockModeRead));
      read(index, static_cast<const void*>(memory));
      Check(LiteRtUnlockTensorBuffer(outputs_[index]));
    }
  }

 private:
  static void Check(LiteRtStatus status) {
    if (status != kLiteRtStatusOk)
      throw std::runtime_error("LiteRT's status is " + std::to_string(static_cast<int>(status)));
  }

  void Open(const std::string& path, LiteRtHwAcceleratorSet accelerators, std::size_t inputs,
            std::size_t outputs) {
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
    for (LiteRtParamIndex index = 0; index < outputs; ++index) {
      const char* name = nullptr;
      Check(LiteRtGetSignatureOutputName(signature, index, &name));
      Check(LiteRtGetSignatureOutputTensorByIndex(signature, index, &tensor));
      Check(LiteRtGetCompiledModelOutputBufferRequirements(compiled_, signature_, index, &needs));
      output_names_.push_back(name);
      outputs_.push_back(Buffer(tensor, needs));
    }
  }

  LiteRtTensorBuffer Buffer(LiteRtTensor tensor, LiteRtTensorBufferRequirements needs) {
    LiteRtRankedTensorType type;
    LiteRtTensorBuffer buffer = nullptr;
    Check(LiteRtGetRankedTensorType(tensor, &type));
    Check(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &type, needs, &buffer));
    return buffer;
  }

  void Close() {
    for (LiteRtTensorBuffer output : outputs_) LiteRtDestroyTensorBuffer(output);
    for (LiteRtTensorBuffer input : inputs_) LiteRtDestroyTensorBuffer(input);
    if (compiled_) LiteRtDestroyCompiledModel(compiled_);
    if (options_) LiteRtDestroyOptions(options_);
    if (model_) LiteRtDestroyModel(model_);
    if (environment_) LiteRtDestroyEnvironment(environment_);
  }

  LiteRtParamIndex signature_;
  std::vector<std::string> names_, output_names_;
  std::vector<LiteRtTensorBuffer> inputs_, outputs_;
  LiteRtEnvironment environment_ = nullptr;
  LiteRtModel model_ = nullptr;
  LiteRtOptions options_ = nullptr;
  LiteRtCompiledModel compiled_ = nullptr;
};

}  // namespace edge_imgq

#endif  // EDGE_IMGQ_LITERT_SESSION_HPP_
