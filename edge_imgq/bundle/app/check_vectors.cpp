// Checks edge_imgq.hpp against the vectors of a bundle:
//
//     g++ -std=c++17 -O1 -Icpp cpp/check_vectors.cpp -o ../check && ../check .
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "contract.hpp"

namespace {

using Numbers = std::vector<int>;
using edge_imgq::Picture;

// Returns the integers of a line, in order.
Numbers NumbersOf(const std::string& line) {
  Numbers found;
  std::size_t place = 0;
  while ((place = line.find_first_of("-0123456789", place)) != std::string::npos) {
    std::size_t used = 0;
    found.push_back(std::stoi(line.substr(place), &used));
    place += used;
  }
  return found;
}

std::vector<std::uint8_t> Bytes(const Numbers& numbers, std::size_t first) {
  return {numbers.begin() + static_cast<std::ptrdiff_t>(first), numbers.end()};
}

Numbers NumbersOf(const Picture& picture) { return {picture.bytes.begin(), picture.bytes.end()}; }

// Returns the padded sides, then the spans of all tiles, for the first 7 numbers of a line.
Numbers Rectangles(const Numbers& line) {
  const auto rows = edge_imgq::Spans(line[0], line[2], line[4], line[5], line[6]);
  const auto columns = edge_imgq::Spans(line[1], line[3], line[4], line[5], line[6]);
  Numbers found = {edge_imgq::PaddedLength(line[0], line[2], line[5]),
                   edge_imgq::PaddedLength(line[1], line[3], line[5])};
  for (const auto& row : rows)
    for (const auto& column : columns)
      found.insert(found.end(), {row.read, column.read, line[2], line[3]});
  for (const auto& row : rows)
    for (const auto& column : columns) found.insert(found.end(), {row.crop, column.crop});
  for (const auto& row : rows)
    for (const auto& column : columns)
      found.insert(found.end(), {row.write, column.write, row.length, column.length});
  return found;
}

// A network of known receptive field: sums modulo 256, so that every pixel matters.
void WindowSum(const Picture& tile, int reach, int scale, std::vector<std::uint8_t>& result) {
  const int width = tile.width * scale;
  for (int index = 0; index < static_cast<int>(result.size()); ++index) {
    const int row = index / width / scale, column = index % width / scale;
    int sum = 0;
    for (int y = std::max(row - reach, 0); y <= std::min(row + reach, tile.height - 1); ++y)
      for (int x = std::max(column - reach, 0); x <= std::min(column + reach, tile.width - 1); ++x)
        sum += tile.bytes[static_cast<std::size_t>(y * tile.width + x)];
    result[static_cast<std::size_t>(index)] = static_cast<std::uint8_t>(sum);
  }
}

Numbers Bgra(const Numbers& given) {
  return NumbersOf(
      edge_imgq::FromFourBytes(Bytes(given, 3).data(), given[0], given[1], given[2], 2));
}

Numbers Yuv(const Numbers& given) {
  const auto planes = Bytes(given, 7);
  const std::uint8_t* pairs = planes.data() + given[5];
  const Picture picture = edge_imgq::FromYuv(planes.data(), pairs, pairs + 1, given[0], given[1],
                                             given[2], given[3], 2, given[4]);
  Numbers found = {picture.height, picture.width};
  found.insert(found.end(), picture.bytes.begin(), picture.bytes.end());
  return found;
}

Numbers Recoloured(const Numbers& given) {
  const int scale = given[0], height = given[1], width = given[2];
  const auto bytes = Bytes(given, 3);
  const auto middle = bytes.begin() + height * width * 3;
  return NumbersOf(edge_imgq::Recoloured({height, width, 3, {bytes.begin(), middle}},
                                         {height * scale, width * scale, 1, {middle, bytes.end()}}));
}

Numbers Tiled(const Numbers& given) {
  const Picture photo{given[0], given[1], 1, Bytes(given, 8)};
  const int reach = given[7], scale = given[6];
  return NumbersOf(edge_imgq::Enhance(
      photo, {given[2], given[3], given[4], given[5], scale},
      [&](const Picture& tile, std::vector<std::uint8_t>& result) {
        WindowSum(tile, reach, scale, result);
      }));
}

// Reads floats, given as their bits after the peak.
Numbers Floats(const std::string& name, const Numbers& given) {
  Numbers found;
  for (std::size_t index = 1; index < given.size(); ++index) {
    float value;
    std::memcpy(&value, &given[index], sizeof value);
    if (name == "to_byte") {
      found.push_back(edge_imgq::ToByte(value, given[0]));
      continue;
    }
    value = edge_imgq::ToFloat(static_cast<std::uint8_t>(given[index]), given[0]);
    int bits;
    std::memcpy(&bits, &value, sizeof bits);
    found.push_back(bits);
  }
  return found;
}

Numbers Converted(const std::string& name, const Numbers& given) {
  Numbers found;
  if (name == "bgra") return Bgra(given);
  if (name == "yuv") return Yuv(given);
  if (name == "recoloured") return Recoloured(given);
  if (name == "tiled") return Tiled(given);
  if (name == "luma") {
    for (std::size_t i = 0; i < given.size(); i += 3)
      found.push_back(edge_imgq::Luma(given[i], given[i + 1], given[i + 2]));
    return found;
  }
  if (name == "to_byte" || name == "to_float") return Floats(name, given);
  for (const int number : given)
    found.push_back(name == "full" ? edge_imgq::Full(number) : edge_imgq::Limited(number));
  return found;
}

}  // namespace

int main(int, char** words) {
  const std::string folder = std::string(words[1]) + "/vectors/";
  int right = 0, wrong = 0;
  const auto held = [&](const std::string& what, const Numbers& found, const Numbers& expected) {
    ++(found == expected ? right : wrong);
    if (found != expected) std::cout << what.substr(0, 100) << " is not as expected\n";
  };
  std::string line;
  for (std::ifstream file(folder + "tiles.json"); std::getline(file, line);) {
    const Numbers numbers = NumbersOf(line);
    if (!numbers.empty()) held(line, Rectangles(numbers), {numbers.begin() + 7, numbers.end()});
  }
  for (std::ifstream file(folder + "pixels.txt"); std::getline(file, line);) {
    const auto first = line.find('|'), second = line.rfind('|');
    const std::string name = line.substr(0, line.find(' '));
    held(line, Converted(name, NumbersOf(line.substr(first, second - first))),
         NumbersOf(line.substr(second)));
  }
  std::cout << right << " of " << right + wrong << " are as edge-imgq's own\n";
  return wrong > 0 || right == 0;
}
