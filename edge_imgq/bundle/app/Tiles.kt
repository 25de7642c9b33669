package edgeimgq

/**
 * Tiling, and running a network on tiles, with the same numbers as edge-imgq
 * (edge_imgq/images/tile_plan.py), checked against vectors/tiles.json by CheckVectors.kt. Nothing here
 * needs Android.
 */

/** Extent of one tile along an axis. */
class Span(
    /** First line to read, in input pixels; lines outside the image are mirrored. */
    val read: Int,
    /** First line of the tile's result to keep, in output pixels. */
    val crop: Int,
    /** Line of the output image that it is written to. */
    val write: Int,
    /** Number of lines to keep. */
    val length: Int
)

/** An 8-bit image with interleaved channels, its rows without padding. */
class Picture(val height: Int, val width: Int, val channels: Int, val bytes: ByteArray) {
    init {
        require(bytes.size == height * width * channels) { "the bytes are not those of the size" }
    }
}

/** Runs a file on one tile of the file's size. */
interface Network {
    /** Returns the pixels of the result, scale times as high and wide. */
    fun run(tile: Picture): ByteArray
}

/** Called before every tile. */
interface Progress {
    /** Returns whether to continue; false cancels with a CancellationException. */
    fun tile(done: Int, total: Int): Boolean
}

object Tiles {
    /** Returns the tiles of an axis; their kept lines are consecutive in the output. */
    fun spans(length: Int, tile: Int, halo: Int, multiple: Int, scale: Int): List<Span> {
        val begins = starts(paddedLength(length, tile, multiple), tile, halo, multiple)
        val found = ArrayList<Span>()
        var write = 0
        for (index in begins.indices) {
            val start = begins[index]
            var end = length * scale
            if (index + 1 < begins.size) {
                val following = begins[index + 1]
                end = following * scale + (start + tile - following) * scale / 2
            }
            found.add(Span(start, write - start * scale, write, end - write))
            write = end
        }
        return found
    }

    /** Returns the first line of each tile of an axis; the last tile ends with the axis. */
    fun starts(length: Int, tile: Int, halo: Int, multiple: Int): List<Int> {
        val step = (tile - 2 * halo) / multiple * multiple
        require(tile <= length && length % multiple == 0 && tile % multiple == 0) {
            "tiles of $tile do not fit an axis of $length in steps of $multiple"
        }
        if (tile == length) return listOf(0)
        require(step > 0) { "a tile of $tile leaves nothing between two halos of $halo" }
        val found = ArrayList<Int>()
        var start = 0
        while (start < length - tile) {
            found.add(start)
            start += step
        }
        found.add(length - tile)
        return found
    }

    /** Returns the mirror-padded length of an axis: at least one tile, and a multiple. */
    fun paddedLength(length: Int, tile: Int, multiple: Int): Int =
        maxOf((length + multiple - 1) / multiple * multiple, tile)

    /** Returns the line at an index, which is mirrored if it is past the end of the axis. */
    fun mirrored(index: Int, length: Int): Int {
        if (length == 1) return 0
        val place = index % (2 * length - 2)
        return if (place < length) place else 2 * length - 2 - place
    }

    /** Returns the tile [height, width] with which the fewest pixels are computed. */
    fun choose(height: Int, width: Int, tiles: List<IntArray>, halo: Int, multiple: Int): Int {
        var best = 0
        var fewest = Long.MAX_VALUE
        for (index in tiles.indices) {
            val tile = tiles[index]
            val rows = starts(paddedLength(height, tile[0], multiple), tile[0], halo, multiple)
            val columns = starts(paddedLength(width, tile[1], multiple), tile[1], halo, multiple)
            val pixels = rows.size.toLong() * columns.size * tile[0] * tile[1]
            if (pixels < fewest) {
                best = index
                fewest = pixels
            }
        }
        return best
    }

    /** Runs a network on a photograph, tile by tile, and returns the result. */
    fun enhance(
        photo: Picture, tile: IntArray, halo: Int, multiple: Int, scale: Int,
        network: Network, progress: Progress? = null
    ): Picture {
        val rows = spans(photo.height, tile[0], halo, multiple, scale)
        val columns = spans(photo.width, tile[1], halo, multiple, scale)
        val width = photo.width * scale
        val channels = photo.channels
        val output = ByteArray(photo.height * scale * width * channels)
        val part = Picture(tile[0], tile[1], channels, ByteArray(tile[0] * tile[1] * channels))
        var done = 0
        for (row in rows) for (column in columns) {
            if (progress != null && !progress.tile(done, rows.size * columns.size)) {
                throw java.util.concurrent.CancellationException("after $done tiles")
            }
            cut(photo, row.read, column.read, part)
            val result = network.run(part)
            for (line in 0 until row.length) {
                val from = (row.crop + line) * tile[1] * scale + column.crop
                val to = (row.write + line) * width + column.write
                System.arraycopy(
                    result, from * channels, output, to * channels, column.length * channels
                )
            }
            done++
        }
        return Picture(photo.height * scale, width, channels, output)
    }

    private fun cut(photo: Picture, top: Int, left: Int, part: Picture) {
        val channels = photo.channels
        val inside = minOf(part.width, photo.width - left)
        for (line in 0 until part.height) {
            val row = mirrored(top + line, photo.height) * photo.width
            val at = line * part.width * channels
            System.arraycopy(photo.bytes, (row + left) * channels, part.bytes, at, inside * channels)
            for (column in inside until part.width) {
                val from = (row + mirrored(left + column, photo.width)) * channels
                System.arraycopy(photo.bytes, from, part.bytes, at + column * channels, channels)
            }
        }
    }
}
