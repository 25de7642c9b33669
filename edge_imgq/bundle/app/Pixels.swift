/// Converts pixels of camera frames for a network and back, in integers, with the same results as
/// edge-imgq (edge_imgq/bundle/app_pixels.py), checked against `vectors/pixels.txt` by
/// CheckVectors.swift.
public enum Pixels {
    /// Luma of a pixel in BT.601, 16 to 235; ties are rounded to even.
    public static func luma(_ red: Int, _ green: Int, _ blue: Int) -> Int {
        let sum = 65481 * red + 128553 * green + 24966 * blue + 16 * 255_000
        let (whole, rest) = sum.quotientAndRemainder(dividingBy: 255_000)
        return rest > 127_500 || (rest == 127_500 && whole % 2 == 1) ? whole + 1 : whole
    }

    /// Converts a camera's full-range luma, 0 to 255, to limited range, 16 to 235.
    public static func limited(_ full: Int) -> Int { 16 + (full * 438 + 255) / 510 }

    /// Converts limited-range luma, 16 to 235, to full range, 0 to 255.
    public static func full(_ limited: Int) -> Int { Int(clip(stretched(limited - 16))) }

    /// Clips a value to 0 to 255.
    public static func clip(_ value: Int) -> UInt8 { UInt8(min(max(value, 0), 255)) }

    /// Converts a difference of limited-range luma to full range: · 255 / 219, rounded.
    private static func stretched(_ difference: Int) -> Int {
        let sum = difference * 170 + 73
        return sum >= 0 ? sum / 146 : -((145 - sum) / 146)
    }

    /// Converts bytes in the order blue, green, red, alpha (kCVPixelFormatType_32BGRA) to an RGB
    /// image.
    public static func fromBGRA(
        _ bytes: UnsafePointer<UInt8>, height: Int, width: Int, bytesPerRow: Int
    ) -> Picture {
        var picture = Picture(height: height, width: width, channels: 3)
        for row in 0..<height {
            for column in 0..<width {
                let from = row * bytesPerRow + column * 4
                let to = 3 * (row * width + column)
                for channel in 0..<3 { picture.bytes[to + channel] = bytes[from + 2 - channel] }
            }
        }
        return picture
    }

    /// Writes an RGB image as bytes in the order blue, green, red, alpha.
    public static func toBGRA(
        _ picture: Picture, _ bytes: UnsafeMutablePointer<UInt8>, bytesPerRow: Int
    ) {
        precondition(picture.channels == 3, "a picture of luma has no colour: see recoloured")
        for row in 0..<picture.height {
            for column in 0..<picture.width {
                let from = 3 * (row * picture.width + column)
                let to = row * bytesPerRow + column * 4
                for channel in 0..<3 { bytes[to + 2 - channel] = picture.bytes[from + channel] }
                bytes[to + 3] = 255
            }
        }
    }

    /// Converts a camera frame in full-range BT.601 to an RGB image; Cb and Cr are interleaved
    /// (kCVPixelFormatType_420YpCbCr8BiPlanarFullRange).
    ///
    /// Chroma has half as many rows and columns, rounded up; `rotation` is 0, 90, 180 or 270
    /// degrees clockwise.
    public static func fromYUV(
        luma: UnsafePointer<UInt8>, lumaRow: Int, chroma: UnsafePointer<UInt8>, chromaRow: Int,
        height: Int, width: Int, rotation: Int
    ) -> Picture {
        let upright = rotation % 180 == 0
        var picture = Picture(
            height: upright ? height : width, width: upright ? width : height, channels: 3)
        for row in 0..<height {
            for column in 0..<width {
                let pair = row / 2 * chromaRow + column / 2 * 2
                let y = Int(luma[row * lumaRow + column])
                let u = Int(chroma[pair]) - 128
                let v = Int(chroma[pair + 1]) - 128
                let (down, right) = turned(row, column, height, width, rotation)
                let place = 3 * (down * picture.width + right)
                picture.bytes[place] = clip(y + ((91881 * v + 32768) >> 16))
                picture.bytes[place + 1] = clip(y - ((22554 * u + 46802 * v + 32768) >> 16))
                picture.bytes[place + 2] = clip(y + ((116130 * u + 32768) >> 16))
            }
        }
        return picture
    }

    /// The position of a pixel after the frame is rotated clockwise.
    private static func turned(
        _ row: Int, _ column: Int, _ height: Int, _ width: Int, _ rotation: Int
    ) -> (Int, Int) {
        switch rotation {
        case 90: return (column, height - 1 - row)
        case 180: return (height - 1 - row, width - 1 - column)
        case 270: return (width - 1 - column, row)
        default: return (row, column)
        }
    }

    /// The network's input for an RGB image: the image, or its luma.
    public static func planes(_ rgb: Picture, channels: Int) -> Picture {
        if channels == 3 { return rgb }
        var picture = Picture(height: rgb.height, width: rgb.width, channels: 1)
        for index in picture.bytes.indices {
            picture.bytes[index] = UInt8(
                luma(
                    Int(rgb.bytes[3 * index]), Int(rgb.bytes[3 * index + 1]),
                    Int(rgb.bytes[3 * index + 2])))
        }
        return picture
    }

    /// Upscales an RGB image bilinearly and replaces its luma, 16 to 235.
    public static func recoloured(_ rgb: Picture, luma now: Picture) -> Picture {
        let scale = now.height / rgb.height
        var picture = Picture(height: now.height, width: now.width, channels: 3)
        for row in 0..<now.height {
            for column in 0..<now.width {
                let (red, green, blue) = bilinear(rgb, row, column, scale)
                let index = row * now.width + column
                let more = stretched(Int(now.bytes[index]) - luma(red, green, blue))
                picture.bytes[3 * index] = clip(red + more)
                picture.bytes[3 * index + 1] = clip(green + more)
                picture.bytes[3 * index + 2] = clip(blue + more)
            }
        }
        return picture
    }

    private static func bilinear(
        _ rgb: Picture, _ row: Int, _ column: Int, _ scale: Int
    ) -> (Int, Int, Int) {
        let unit = 2 * scale
        let (top, bottom, below) = neighbours(2 * row + 1 - scale, unit, rgb.height)
        let (west, east, beside) = neighbours(2 * column + 1 - scale, unit, rgb.width)
        func value(_ channel: Int) -> Int {
            func at(_ row: Int, _ column: Int) -> Int {
                Int(rgb.bytes[3 * (row * rgb.width + column) + channel])
            }
            let upper = (unit - beside) * at(top, west) + beside * at(top, east)
            let lower = (unit - beside) * at(bottom, west) + beside * at(bottom, east)
            return ((unit - below) * upper + below * lower + unit * unit / 2) / (unit * unit)
        }
        return (value(0), value(1), value(2))
    }

    /// The two source lines of an upscaled line, within the image, and the weight of the second.
    private static func neighbours(_ place: Int, _ unit: Int, _ length: Int) -> (Int, Int, Int) {
        let first = place >= 0 ? place / unit : -1
        return (max(first, 0), min(first + 1, length - 1), place - first * unit)
    }
}
