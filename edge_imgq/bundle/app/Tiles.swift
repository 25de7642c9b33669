/// Where tiles lie: the same numbers as edge-imgq's own (edge_imgq/images/tile_plan.py), line by
/// line; `vectors/tiles.json` has them to test with.

/// What one tile reads and writes of an axis.
public struct Span: Equatable {
    /// First line that it reads, in input pixels; lines beyond the image mirror it.
    public let read: Int
    /// First line that is kept of what comes out of the tile.
    public let crop: Int
    /// Where in the output image this line goes.
    public let write: Int
    /// Lines that are kept.
    public let length: Int
}

public enum Tiles {
    /// The tiles of an axis; what they write follows each other.
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

    /// Where the tiles of an axis start; the last one ends with the axis.
    public static func starts(length: Int, tile: Int, halo: Int, multiple: Int) -> [Int] {
        let step = (tile - 2 * halo) / multiple * multiple
        precondition(tile <= length && length % multiple == 0 && tile % multiple == 0)
        if tile == length { return [0] }
        precondition(step > 0, "a tile leaves nothing between two halos")
        return Array(stride(from: 0, to: length - tile, by: step)) + [length - tile]
    }

    /// How long an axis is with what mirrors it: a tile at least, and a multiple.
    public static func paddedLength(_ length: Int, tile: Int, multiple: Int) -> Int {
        max((length + multiple - 1) / multiple * multiple, tile)
    }

    /// Which line of an axis stands at an index that may lie beyond its end.
    public static func mirrored(_ index: Int, length: Int) -> Int {
        if length == 1 { return 0 }
        let place = index % (2 * length - 2)
        return place < length ? place : 2 * length - 2 - place
    }
}
