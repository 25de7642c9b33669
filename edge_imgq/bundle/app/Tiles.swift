/// Tiling, and running a network on tiles, with the same numbers as edge-imgq
/// (edge_imgq/images/tile_plan.py), checked against `vectors/` by CheckVectors.swift.

/// Extent of one tile along an axis.
public struct Span: Equatable {
    /// First line to read, in input pixels; lines outside the image are mirrored.
    public let read: Int
    /// First line of the tile's result to keep, in output pixels.
    public let crop: Int
    /// Line of the output image that it is written to.
    public let write: Int
    /// Number of lines to keep.
    public let length: Int
}

/// An 8-bit image with interleaved channels, its rows without padding.
public struct Picture: Equatable {
    public let height: Int
    public let width: Int
    public let channels: Int
    public var bytes: [UInt8]

    public init(height: Int, width: Int, channels: Int, bytes: [UInt8]) {
        precondition(bytes.count == height * width * channels, "the bytes are not of the size")
        self.height = height
        self.width = width
        self.channels = channels
        self.bytes = bytes
    }

    /// A black image.
    public init(height: Int, width: Int, channels: Int) {
        let count = height * width * channels
        self.init(
            height: height, width: width, channels: channels,
            bytes: [UInt8](repeating: 0, count: count))
    }
}

public enum Tiles {
    /// Runs a network on a photograph, tile by tile, and returns the result.
    ///
    /// - Parameters:
    ///   - progress: called with tiles done and their total before each; false cancels with a
    ///     `CancellationError`.
    ///   - run: turns a tile into its result, scale times as high and wide.
    public static func enhance(
        _ photo: Picture, tile: (height: Int, width: Int), halo: Int, multiple: Int, scale: Int,
        progress: ((Int, Int) -> Bool)? = nil, run: (Picture) throws -> [UInt8]
    ) throws -> Picture {
        let rows = spans(
            length: photo.height, tile: tile.height, halo: halo, multiple: multiple, scale: scale)
        let columns = spans(
            length: photo.width, tile: tile.width, halo: halo, multiple: multiple, scale: scale)
        var output = Picture(
            height: photo.height * scale, width: photo.width * scale, channels: photo.channels)
        var part = Picture(height: tile.height, width: tile.width, channels: photo.channels)
        var done = 0
        for row in rows {
            for column in columns {
                if let progress = progress, !progress(done, rows.count * columns.count) {
                    throw CancellationError()
                }
                cut(photo, top: row.read, left: column.read, into: &part)
                let result = try run(part)
                paste(result, tile.width * scale, row, column, into: &output)
                done += 1
            }
        }
        return output
    }

    private static func cut(_ photo: Picture, top: Int, left: Int, into part: inout Picture) {
        let channels = photo.channels
        let inside = min(part.width, photo.width - left)
        for line in 0..<part.height {
            let row = mirrored(top + line, length: photo.height) * photo.width
            let at = line * part.width * channels
            let from = (row + left) * channels
            part.bytes.replaceSubrange(
                at..<at + inside * channels, with: photo.bytes[from..<from + inside * channels])
            for place in inside..<part.width {
                let source = (row + mirrored(left + place, length: photo.width)) * channels
                for channel in 0..<channels {
                    part.bytes[at + place * channels + channel] = photo.bytes[source + channel]
                }
            }
        }
    }

    private static func paste(
        _ result: [UInt8], _ width: Int, _ row: Span, _ column: Span, into output: inout Picture
    ) {
        let count = column.length * output.channels
        for line in 0..<row.length {
            let from = ((row.crop + line) * width + column.crop) * output.channels
            let to = ((row.write + line) * output.width + column.write) * output.channels
            output.bytes.replaceSubrange(to..<to + count, with: result[from..<from + count])
        }
    }

    /// The tiles of an axis; their kept lines are consecutive in the output.
    public static func spans(
        length: Int, tile: Int, halo: Int, multiple: Int, scale: Int
    ) -> [Span] {
        let padded = paddedLength(length, tile: tile, multiple: multiple)
        let begins = starts(length: padded, tile: tile, halo: halo, multiple: multiple)
        var found: [Span] = []
        var write = 0
        for (index, start) in begins.enumerated() {
            var end = length * scale
            if index + 1 < begins.count {
                let following = begins[index + 1]
                end = following * scale + (start + tile - following) * scale / 2
            }
            found.append(
                Span(read: start, crop: write - start * scale, write: write, length: end - write))
            write = end
        }
        return found
    }

    /// The first line of each tile of an axis; the last tile ends with the axis.
    public static func starts(length: Int, tile: Int, halo: Int, multiple: Int) -> [Int] {
        let step = (tile - 2 * halo) / multiple * multiple
        precondition(tile <= length && length % multiple == 0 && tile % multiple == 0)
        if tile == length { return [0] }
        precondition(step > 0, "a tile leaves nothing between two halos")
        return Array(stride(from: 0, to: length - tile, by: step)) + [length - tile]
    }

    /// The mirror-padded length of an axis: at least one tile, and a multiple.
    public static func paddedLength(_ length: Int, tile: Int, multiple: Int) -> Int {
        max((length + multiple - 1) / multiple * multiple, tile)
    }

    /// The line at an index, which is mirrored if it is past the end of the axis.
    public static func mirrored(_ index: Int, length: Int) -> Int {
        if length == 1 { return 0 }
        let place = index % (2 * length - 2)
        return place < length ? place : 2 * length - 2 - place
    }
}
