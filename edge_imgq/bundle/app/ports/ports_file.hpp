// A file of several inputs and outputs in LiteRT.
#ifndef EDGE_IMGQ_PORTS_FILE_HPP_
#define EDGE_IMGQ_PORTS_FILE_HPP_

#include <cstring>
#include <map>
#include <utility>

#include "litert_session.hpp"
#include "ports.hpp"

namespace edge_imgq {

// An open file. Not thread-safe.
class PortsFile {
 public:
  // inputs: their tensors by name. outputs: theirs, in the order in which Run returns them.
  // accelerators: see litert_session.hpp. signature: its index, in the order of contract.json.
  PortsFile(const std::string& path, std::map<std::string, Tensor> inputs,
            std::vector<std::pair<std::string, Tensor>> outputs,
            LiteRtHwAcceleratorSet accelerators = kLiteRtHwAcceleratorCpu,
            LiteRtParamIndex signature = 0)
      : inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        session_(path, accelerators, signature, inputs_.size(), outputs_.size()) {}

  // Runs the file on shares of its inputs, by name; returns levels of each output, as many as
  // `counts` says. An input without shares takes what HandOn gave it.
  std::vector<std::vector<std::uint8_t>> Run(const std::map<std::string, Shares>& shares,
                                             const std::vector<std::size_t>& counts) {
    const auto write = [&](std::size_t index, void* memory) {
      const std::string& name = session_.names()[index];
      const auto handed = handed_.find(name);
      if (!shares.count(name) && handed != handed_.end())
        std::memcpy(memory, handed->second.data(), handed->second.size());
      else
        Store(shares.at(name), inputs_.at(name), memory);
    };
    std::vector<std::vector<std::uint8_t>> found(outputs_.size());
    stored_.resize(outputs_.size());
    session_.Run(write, [&](std::size_t index, const void* memory) {
      const std::size_t place = Place(session_.outputs()[index]);
      const Tensor& tensor = outputs_[place].second;
      const auto* bytes = static_cast<const std::uint8_t*>(memory);
      found[place] = Levels(memory, counts[place], tensor);
      stored_[place].assign(bytes, bytes + counts[place] * (tensor.is_float ? sizeof(float) : 1));
    });
    return found;
  }

  // Gives an input of the next frame, a state, what an output of this one was, as it is stored.
  void HandOn(std::size_t output, const std::string& input) { handed_[input] = stored_.at(output); }

 private:
  std::size_t Place(const std::string& name) const {
    for (std::size_t place = 0; place < outputs_.size(); ++place)
      if (outputs_[place].first == name) return place;
    throw std::runtime_error("the file returns " + name + ", which is not among the outputs");
  }

  std::map<std::string, Tensor> inputs_;
  std::vector<std::pair<std::string, Tensor>> outputs_;
  std::vector<std::vector<std::uint8_t>> stored_;
  std::map<std::string, std::vector<std::uint8_t>> handed_;
  LiteRtSession session_;
};

}  // namespace edge_imgq

#endif  // EDGE_IMGQ_PORTS_FILE_HPP_
