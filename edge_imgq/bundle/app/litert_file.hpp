// A file of this bundle in LiteRT, for Enhance of edge_imgq.hpp.
#ifndef EDGE_IMGQ_LITERT_FILE_HPP_
#define EDGE_IMGQ_LITERT_FILE_HPP_

#include <string>

#include "edge_imgq.hpp"
#include "litert_session.hpp"

namespace edge_imgq {

// An open file. Not thread-safe.
class LiteRtFile {
 public:
  // peak: the value of level 255 in a float file. accelerators: see litert_session.hpp.
  // signature: its index, in the order of the tiles of contract.hpp.
  LiteRtFile(const std::string& path, bool is_float, double peak,
             LiteRtHwAcceleratorSet accelerators = kLiteRtHwAcceleratorCpu,
             LiteRtParamIndex signature = 0)
      : is_float_(is_float), peak_(peak), session_(path, accelerators, signature, 1, 1) {}

  // Runs one tile of the file's size.
  void operator()(const Picture& tile, std::vector<std::uint8_t>& result) {
    const auto write = [&](std::size_t, void* memory) {
      for (std::size_t index = 0; index < tile.bytes.size(); ++index) {
        if (is_float_)
          static_cast<float*>(memory)[index] = ToFloat(tile.bytes[index], peak_);
        else
          static_cast<std::uint8_t*>(memory)[index] = tile.bytes[index];
      }
    };
    const auto read = [&](std::size_t, const void* memory) {
      for (std::size_t index = 0; index < result.size(); ++index) {
        result[index] = is_float_ ? ToByte(static_cast<const float*>(memory)[index], peak_)
                                  : static_cast<const std::uint8_t*>(memory)[index];
      }
    };
    session_.Run(write, read);
  }

 private:
  bool is_float_;
  double peak_;
  LiteRtSession session_;
};

}  // namespace edge_imgq

#endif  // EDGE_IMGQ_LITERT_FILE_HPP_
