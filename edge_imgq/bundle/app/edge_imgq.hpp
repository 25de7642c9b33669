// Tiling, running a network on tiles, and pixel conversions, with the same numbers as
// edge-imgq (edge_imgq/images/tile_plan.py and edge_imgq/bundle/app_pixels.py), checked against
// vectors/ by check_vectors.cpp. C++17 and its standard library only.
#ifndef EDGE_IMGQ_HPP_
#define EDGE_IMGQ_HPP_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <vector>

namespace edge_imgq {

// Extent of one tile along an axis.
struct Span {
  int read;    // first line to read, in input pixels; lines outside the image are mirrored
  int crop;    // first line of the tile's result to keep, in output pixels
  int write;   // line of the output image that it is written to
  int length;  // number of lines to keep
};

// An 8-bit image with interleaved channels, its rows without padding.
struct Picture {
  int height, width, channels;
  std::vector<std::uint8_t> bytes;
};

struct Tiling {
  int height, width;  // of a tile, in input pixels
  int halo;           // input pixels on each side that an output pixel depends on; −1: no tiling
  int multiple;       // tiles start at multiples of it
  int scale;          // output height divided by input height
};

inline int PaddedLength(int length, int tile, int multiple) {
  return std::max((length + multiple - 1) / multiple * multiple, tile);
}

// The line at an index, which is mirrored if it is past the end of the axis.
inline int Mirrored(int index, int length) {
  if (length == 1) return 0;
  const int place = index % (2 * length - 2);
  return place < length ? place : 2 * length - 2 - place;
}

// The first line of each tile of an axis; the last tile ends with the axis.
inline std::vector<int> Starts(int length, int tile, int halo, int multiple) {
  const int step = (tile - 2 * halo) / multiple * multiple;
  if (tile > length || length % multiple || tile % multiple)
    throw std::invalid_argument("tiles do not fit the axis");
  if (tile == length) return {0};
  if (step <= 0) throw std::invalid_argument("a tile leaves nothing between two halos");
  std::vector<int> found;
  for (int start = 0; start < length - tile; start += step) found.push_back(start);
  found.push_back(length - tile);
  return found;
}

// The tiles of an axis; their kept lines are consecutive in the output.
inline std::vector<Span> Spans(int length, int tile, int halo, int multiple, int scale) {
  const std::vector<int> begins =
      Starts(PaddedLength(length, tile, multiple), tile, halo, multiple);
  std::vector<Span> found;
  int write = 0;
  for (std::size_t index = 0; index < begins.size(); ++index) {
    const int start = begins[index];
    int end = length * scale;
    if (index + 1 < begins.size()) {
      const int following = begins[index + 1];
      end = following * scale + (start + tile - following) * scale / 2;
    }
    found.push_back({start, write - start * scale, write, end - write});
    write = end;
  }
  return found;
}

// Runs a network on a photograph, tile by tile, and returns the result.
//
// run(tile, result): fills the result, scale times as high and wide as the tile.
// progress(done, total): called before each tile; false cancels with an empty picture.
inline Picture Enhance(
    const Picture& photo, const Tiling& tiling,
    const std::function<void(const Picture&, std::vector<std::uint8_t>&)>& run,
    const std::function<bool(std::size_t, std::size_t)>& progress = nullptr) {
  if (tiling.halo < 0 && (photo.height != tiling.height || photo.width != tiling.width))
    throw std::invalid_argument("the file takes photographs of its own size alone");
  const int halo = std::max(tiling.halo, 0);
  const auto rows = Spans(photo.height, tiling.height, halo, tiling.multiple, tiling.scale);
  const auto columns = Spans(photo.width, tiling.width, halo, tiling.multiple, tiling.scale);
  const std::size_t channels = static_cast<std::size_t>(photo.channels);
  const std::size_t width = static_cast<std::size_t>(photo.width) * tiling.scale;
  Picture output{photo.height * tiling.scale, photo.width * tiling.scale, photo.channels, {}};
  output.bytes.resize(output.height * width * channels);
  Picture part{tiling.height, tiling.width, photo.channels, {}};
  part.bytes.resize(static_cast<std::size_t>(tiling.height) * tiling.width * channels);
  std::vector<std::uint8_t> result(part.bytes.size() * tiling.scale * tiling.scale);
  std::size_t done = 0;
  for (const Span& row : rows) {
    for (const Span& column : columns) {
      if (progress && !progress(done, rows.size() * columns.size())) return {0, 0, 0, {}};
      for (int line = 0; line < tiling.height; ++line) {
        const std::size_t from =
            static_cast<std::size_t>(Mirrored(row.read + line, photo.height)) * photo.width;
        const std::size_t to = static_cast<std::size_t>(line) * tiling.width;
        for (int place = 0; place < tiling.width; ++place) {
          const std::size_t source = from + Mirrored(column.read + place, photo.width);
          std::memcpy(&part.bytes[(to + place) * channels], &photo.bytes[source * channels],
                      channels);
        }
      }
      run(part, result);
      for (int line = 0; line < row.length; ++line) {
        const std::size_t from =
            static_cast<std::size_t>(row.crop + line) * tiling.width * tiling.scale + column.crop;
        const std::size_t to = static_cast<std::size_t>(row.write + line) * width + column.write;
        std::memcpy(&output.bytes[to * channels], &result[from * channels],
                    column.length * channels);
      }
      ++done;
    }
  }
  return output;
}

inline int FloorDivide(int value, int by) { return value >= 0 ? value / by : -((by - 1 - value) / by); }

inline int Clip(int value) { return std::clamp(value, 0, 255); }

// Luma of BT.601, 16 to 235; ties are rounded to even.
inline int Luma(int red, int green, int blue) {
  const int sum = 65481 * red + 128553 * green + 24966 * blue + 16 * 255000;
  const int whole = sum / 255000, rest = sum % 255000;
  return rest > 127500 || (rest == 127500 && whole % 2 == 1) ? whole + 1 : whole;
}

// Convert a camera's full-range luma, 0 to 255, to limited range, 16 to 235, and back.
inline int Limited(int full) { return 16 + (full * 438 + 255) / 510; }
inline int Full(int limited) { return Clip(FloorDivide((limited - 16) * 170 + 73, 146)); }

// Converts a level, 0 to 255, to the input of a float32 file, 0 to peak.
inline float ToFloat(std::uint8_t pixel, double peak) {
  return static_cast<float>(pixel) * static_cast<float>(peak / 255.0);
}

// Converts the output of a float32 file to a level: rounded half to even, and clipped.
inline std::uint8_t ToByte(float value, double peak) {
  if (!std::isfinite(value)) throw std::domain_error("the output holds NaN or infinity");
  const double level = std::nearbyint(static_cast<double>(value) * (255.0 / peak));
  return static_cast<std::uint8_t>(std::clamp(level, 0.0, 255.0));
}

// Converts pixels of four bytes to an RGB image; `red` is 0 for RGBA, 2 for BGRA.
inline Picture FromFourBytes(const std::uint8_t* bytes, int height, int width, int bytes_per_row,
                             int red) {
  Picture picture{height, width, 3, {}};
  picture.bytes.reserve(static_cast<std::size_t>(height) * width * 3);
  for (int row = 0; row < height; ++row) {
    const std::uint8_t* pixel = bytes + static_cast<std::size_t>(row) * bytes_per_row;
    for (int column = 0; column < width; ++column, pixel += 4)
      picture.bytes.insert(picture.bytes.end(), {pixel[red], pixel[1], pixel[2 - red]});
  }
  return picture;
}

// Converts a camera frame in YUV 4:2:0, full-range BT.601, to an RGB image. Chroma has half as many
// rows and columns, rounded up; rotation is 0, 90, 180 or 270 degrees clockwise.
inline Picture FromYuv(const std::uint8_t* luma, const std::uint8_t* cb, const std::uint8_t* cr,
                       int height, int width, int luma_row, int chroma_row, int chroma_pixel,
                       int rotation) {
  const bool upright = rotation % 180 == 0;
  Picture picture{upright ? height : width, upright ? width : height, 3, {}};
  picture.bytes.resize(static_cast<std::size_t>(height) * width * 3);
  for (int row = 0; row < height; ++row) {
    for (int column = 0; column < width; ++column) {
      const int chroma = row / 2 * chroma_row + column / 2 * chroma_pixel;
      const int y = luma[row * luma_row + column];
      const int u = cb[chroma] - 128, v = cr[chroma] - 128;
      int down = row, right = column;
      if (rotation == 90) down = column, right = height - 1 - row;
      if (rotation == 180) down = height - 1 - row, right = width - 1 - column;
      if (rotation == 270) down = width - 1 - column, right = row;
      std::uint8_t* pixel =
          &picture.bytes[(static_cast<std::size_t>(down) * picture.width + right) * 3];
      pixel[0] = static_cast<std::uint8_t>(Clip(y + FloorDivide(91881 * v + 32768, 65536)));
      pixel[1] =
          static_cast<std::uint8_t>(Clip(y - FloorDivide(22554 * u + 46802 * v + 32768, 65536)));
      pixel[2] = static_cast<std::uint8_t>(Clip(y + FloorDivide(116130 * u + 32768, 65536)));
    }
  }
  return picture;
}

// Upscales an RGB image bilinearly and replaces its luma, 16 to 235.
inline Picture Recoloured(const Picture& rgb, const Picture& luma) {
  const int scale = luma.height / rgb.height, unit = 2 * scale;
  Picture picture{luma.height, luma.width, 3, {}};
  picture.bytes.resize(luma.bytes.size() * 3);
  for (int row = 0; row < luma.height; ++row) {
    const int down = FloorDivide(2 * row + 1 - scale, unit);
    const int below = 2 * row + 1 - scale - down * unit;
    const int top = std::max(down, 0), bottom = std::min(down + 1, rgb.height - 1);
    for (int column = 0; column < luma.width; ++column) {
      const int right = FloorDivide(2 * column + 1 - scale, unit);
      const int beside = 2 * column + 1 - scale - right * unit;
      const int west = std::max(right, 0), east = std::min(right + 1, rgb.width - 1);
      int pixel[3];
      for (int channel = 0; channel < 3; ++channel) {
        const auto at = [&](int y, int x) {
          return static_cast<int>(
              rgb.bytes[(static_cast<std::size_t>(y) * rgb.width + x) * 3 + channel]);
        };
        const int upper = (unit - beside) * at(top, west) + beside * at(top, east);
        const int lower = (unit - beside) * at(bottom, west) + beside * at(bottom, east);
        pixel[channel] =
            ((unit - below) * upper + below * lower + unit * unit / 2) / (unit * unit);
      }
      const std::size_t place = static_cast<std::size_t>(row) * luma.width + column;
      const int change = luma.bytes[place] - Luma(pixel[0], pixel[1], pixel[2]);
      const int more = FloorDivide(change * 170 + 73, 146);
      for (int channel = 0; channel < 3; ++channel)
        picture.bytes[place * 3 + channel] = static_cast<std::uint8_t>(Clip(pixel[channel] + more));
    }
  }
  return picture;
}

}  // namespace edge_imgq

#endif  // EDGE_IMGQ_HPP_
