// Inputs of a file, C++17: a photograph, a mask, or numbers in the model's range.
#ifndef EDGE_IMGQ_PORTS_HPP_
#define EDGE_IMGQ_PORTS_HPP_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace edge_imgq {

// An input other than the photograph, as in `inputs` of contract.json.
struct Port {
  std::string name;
  int channels;
  std::vector<double> low, high;  // one for all channels, or one per channel
};

// An input in shares of its range, 0 to 1, with interleaved channels.
struct Shares {
  int height, width, channels;
  std::vector<double> values;
};

// Storage of a tensor.
struct Tensor {
  bool is_float;      // float32 from 0 to `peak`; otherwise bytes from 0 to 255
  double peak;
  bool is_one_pixel;  // one set of numbers for the whole photograph
};

// Fills an input with numbers in the model's range, one for all channels or one per channel.
inline Shares Constant(const Port& port, const std::vector<double>& numbers, int height, int width) {
  if (numbers.size() != 1 && numbers.size() != static_cast<std::size_t>(port.channels))
    throw std::invalid_argument(port.name + " takes one number, or one for each channel");
  Shares found{height, width, port.channels, {}};
  std::vector<double> pixel;
  for (int channel = 0; channel < port.channels; ++channel) {
    const double number = numbers[numbers.size() == 1 ? 0 : channel];
    const double low = port.low[port.low.size() == 1 ? 0 : channel];
    const double high = port.high[port.high.size() == 1 ? 0 : channel];
    const double share = (number - low) / (high - low);
    if (!(share >= 0 && share <= 1))
      throw std::invalid_argument(port.name + " does not reach this number: see contract.json");
    pixel.push_back(share);
  }
  for (long place = 0; place < static_cast<long>(height) * width; ++place)
    found.values.insert(found.values.end(), pixel.begin(), pixel.end());
  return found;
}

// Converts levels, 0 to 255, of a photograph or a mask; channels are interleaved.
inline Shares FromLevels(const std::vector<std::uint8_t>& levels, int height, int width, int channels) {
  Shares found{height, width, channels, {}};
  for (const std::uint8_t level : levels) found.values.push_back(level / 255.0);
  return found;
}

// Writes shares to the memory of a tensor.
inline void Store(const Shares& shares, const Tensor& tensor, void* memory) {
  const std::size_t count = tensor.is_one_pixel ? shares.channels : shares.values.size();
  for (std::size_t index = 0; index < count; ++index) {
    const double share = shares.values[index];
    if (tensor.is_float)
      static_cast<float*>(memory)[index] = static_cast<float>(share * tensor.peak);
    else
      static_cast<std::uint8_t*>(memory)[index] =
          static_cast<std::uint8_t>(std::nearbyint(share * 255.0));
  }
}

// Converts an output to levels, 0 to 255. The model's number is low + share * (high - low).
inline std::vector<std::uint8_t> Levels(const void* memory, std::size_t count, const Tensor& tensor) {
  std::vector<std::uint8_t> found(count);
  for (std::size_t index = 0; index < count; ++index) {
    if (!tensor.is_float) {
      found[index] = static_cast<const std::uint8_t*>(memory)[index];
      continue;
    }
    const double share = static_cast<const float*>(memory)[index] / tensor.peak;
    found[index] = static_cast<std::uint8_t>(std::nearbyint(std::clamp(share, 0.0, 1.0) * 255.0));
  }
  return found;
}

}  // namespace edge_imgq

#endif  // EDGE_IMGQ_PORTS_HPP_
