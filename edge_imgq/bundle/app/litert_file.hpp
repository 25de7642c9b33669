// A file of this bundle in LiteRT's C API (2.3 and later, where models are opened in an
// environment), for Enhance of edge_imgq.hpp.
#ifndef EDGE_IMGQ_LITERT_FILE_HPP_
#define EDGE_IMGQ_LITERT_FILE_HPP_

#include <string>

#include "edge_imgq.hpp"
#include "litert/c/litert_common.h"
#include "litert/c/litert_compiled_model.h"
#include "litert/c/litert_environment.h"
#include "litert/c/litert_model.h"
#include "litert/c/litert_options.h"
#include "litert/c/litert_tensor_buffer.h"
#include "litert/c/litert_tensor_buffer_requirements.h"

namespace edge_imgq {

// An open file. One object belongs to one thread at a time.
class LiteRtFile {
 public:
  // accelerators: kLiteRtHwAcceleratorNpu, Gpu and Cpu, joined by |; what the first does not take,
  // the next does. signature: its index, in the order of the tiles of contract.hpp.
  LiteRtFile(const std::string& path, bool is_float, double peak,
             LiteRtHwAcceleratorSet accelerators = kLiteRtHwAcceleratorCpu,
             LiteRtParamIndex signature = 0)
      : is_float_(is_float), peak_(peak), signature_(signature) {
    try {
      Open(path, accelerators);
    } catch (...) {
      Close();
      throw;
    }
  }

  LiteRtFile(const LiteRtFile&) = delete;
  LiteRtFile& operator=(const LiteRtFile&) = delete;
  ~LiteRtFile() { Close(); }

  // Runs one tile of the file's own size.
  void operator()(const Picture& tile, std::vector<std::uint8_t>& result) {
    void* memory = nullptr;
    Held(LiteRtLockTensorBuffer(input_, &memory, kLiteRtTensorBufferLockModeWrite));
    for (std::size_t index = 0; index < tile.bytes.size(); ++index) {
      if (is_float_)
        static_cast<float*>(memory)[index] = ToFloat(tile.bytes[index], peak_);
      else
        static_cast<std::uint8_t*>(memory)[index] = tile.bytes[index];
    }
    Held(LiteRtUnlockTensorBuffer(input_));
    Held(LiteRtRunCompiledModel(compiled_, signature_, 1, &input_, 1, &output_));
    Held(LiteRtLockTensorBuffer(output_, &memory, kLiteRtTensorBufferLockModeRead));
    for (std::size_t index = 0; index < result.size(); ++index) {
      result[index] = is_float_ ? ToByte(static_cast<float*>(memory)[index], peak_)
                                : static_cast<std::uint8_t*>(memory)[index];
    }
    Held(LiteRtUnlockTensorBuffer(output_));
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
    Held(LiteRtGetSignatureInputTensorByIndex(signature, 0, &tensor));
    Held(LiteRtGetRankedTensorType(tensor, &type));
    Held(LiteRtGetCompiledModelInputBufferRequirements(compiled_, signature_, 0, &needs));
    Held(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &type, needs, &input_));
    Held(LiteRtGetSignatureOutputTensorByIndex(signature, 0, &tensor));
    Held(LiteRtGetRankedTensorType(tensor, &type));
    Held(LiteRtGetCompiledModelOutputBufferRequirements(compiled_, signature_, 0, &needs));
    Held(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &type, needs, &output_));
  }

  void Close() {
    if (output_) LiteRtDestroyTensorBuffer(output_);
    if (input_) LiteRtDestroyTensorBuffer(input_);
    if (compiled_) LiteRtDestroyCompiledModel(compiled_);
    if (options_) LiteRtDestroyOptions(options_);
    if (model_) LiteRtDestroyModel(model_);
    if (environment_) LiteRtDestroyEnvironment(environment_);
  }

  bool is_float_;
  double peak_;
  LiteRtParamIndex signature_;
  LiteRtEnvironment environment_ = nullptr;
  LiteRtModel model_ = nullptr;
  LiteRtOptions options_ = nullptr;
  LiteRtCompiledModel compiled_ = nullptr;
  LiteRtTensorBuffer input_ = nullptr, output_ = nullptr;
};

}  // namespace edge_imgq

#endif  // EDGE_IMGQ_LITERT_FILE_HPP_
