// A file of several inputs in LiteRT.
#ifndef EDGE_IMGQ_PORTS_FILE_HPP_
#define EDGE_IMGQ_PORTS_FILE_HPP_

#include <map>
#include <utility>

#include "litert_session.hpp"
#include "ports.hpp"

namespace edge_imgq {

// An open file. Not thread-safe.
class PortsFile {
 public:
  // inputs: their tensors by name. accelerators: see litert_session.hpp. signature: its index, in
  // the order of contract.json.
  PortsFile(const std::string& path, std::map<std::string, Tensor> inputs, Tensor output,
            LiteRtHwAcceleratorSet accelerators = kLiteRtHwAcceleratorCpu,
            LiteRtParamIndex signature = 0)
      : inputs_(std::move(inputs)),
        output_(output),
        session_(path, accelerators, signature, inputs_.size()) {}

  // Runs the file on the shares of every input, by name; returns `count` levels of the result.
  std::vector<std::uint8_t> Run(const std::map<std::string, Shares>& shares, std::size_t count) {
    const auto write = [&](std::size_t index, void* memory) {
      const std::string& name = session_.names()[index];
      Store(shares.at(name), inputs_.at(name), memory);
    };
    std::vector<std::uint8_t> found;
    session_.Run(write, [&](const void* memory) { found = Levels(memory, count, output_); });
    return found;
  }

 private:
  std::map<std::string, Tensor> inputs_;
  Tensor output_;
  LiteRtSession session_;
};

}  // namespace edge_imgq

#endif  // EDGE_IMGQ_PORTS_FILE_HPP_
