package edgeimgq

import java.io.File

/**
 * Checks Tiles.kt and Pixels.kt against the vectors of a bundle, without Android:
 *
 *     kotlinc android/Tiles.kt android/Pixels.kt android/Contract.kt android/CheckVectors.kt \
 *         -include-runtime -d ../check.jar && java -jar ../check.jar .
 */
fun main(args: Array<String>) {
    val folder = File(args[0], "vectors")
    var wrong = 0
    var right = 0
    fun held(what: String, found: List<Int>, expected: List<Int>) {
        if (found == expected) right++ else {
            wrong++
            println("$what: ${found.size} numbers are not the ${expected.size} expected")
        }
    }
    for (line in File(folder, "tiles.json").readLines()) {
        val numbers = Regex("-?[0-9]+").findAll(line).map { it.value.toInt() }.toList()
        if (numbers.isNotEmpty()) held(line.take(100), rectangles(numbers), numbers.drop(7))
    }
    for (line in File(folder, "pixels.txt").readLines()) {
        val parts = line.split("|").map { it.trim() }
        val given = numbersOf(parts[1])
        held(line.take(60), converted(parts[0], given), numbersOf(parts[2]))
    }
    println("$right of ${right + wrong} are as edge-imgq's own")
    if (wrong > 0) System.exit(1)
}

private fun numbersOf(text: String): List<Int> = text.split(" ").map { it.toInt() }

/** Returns the padded sides, then the spans of all tiles, for the first 7 numbers of a line. */
private fun rectangles(line: List<Int>): List<Int> {
    val halo = line[4]
    val multiple = line[5]
    val rows = Tiles.spans(line[0], line[2], halo, multiple, line[6])
    val columns = Tiles.spans(line[1], line[3], halo, multiple, line[6])
    val pairs = rows.flatMap { row -> columns.map { column -> Pair(row, column) } }
    val padded = listOf(
        Tiles.paddedLength(line[0], line[2], multiple), Tiles.paddedLength(line[1], line[3], multiple)
    )
    return padded + pairs.flatMap { listOf(it.first.read, it.second.read, line[2], line[3]) } +
        pairs.flatMap { listOf(it.first.crop, it.second.crop) } +
        pairs.flatMap {
            listOf(it.first.write, it.second.write, it.first.length, it.second.length)
        }
}

private fun converted(name: String, given: List<Int>): List<Int> = when (name) {
    "luma" -> given.chunked(3).map { Pixels.luma(it[0], it[1], it[2]) }
    "limited" -> given.map { Pixels.limited(it) }
    "full" -> given.map { Pixels.full(it) }
    "bgra" -> bgra(given)
    "yuv" -> yuv(given)
    "recoloured" -> recoloured(given)
    "to_byte" -> given.drop(1).map {
        Pixels.toByte(java.lang.Float.intBitsToFloat(it), given[0].toDouble()).toInt() and 255
    }
    "to_float" -> given.drop(1).map {
        java.lang.Float.floatToRawIntBits(Pixels.toFloat(it.toByte(), given[0].toDouble()))
    }
    "tiled" -> tiled(given)
    else -> throw IllegalArgumentException("no such vector: $name")
}

private fun bytes(numbers: List<Int>): ByteArray = ByteArray(numbers.size) { numbers[it].toByte() }

private fun numbers(picture: Picture): List<Int> = picture.bytes.map { it.toInt() and 255 }

/** Converts pixels to an image and back; an ARGB int is blue, green, red, alpha in memory. */
private fun bgra(given: List<Int>): List<Int> {
    val (height, width, row) = given
    val argb = IntArray(height * width) {
        val from = 3 + it / width * row + it % width * 4
        given[from] or (given[from + 1] shl 8) or (given[from + 2] shl 16) or
            (given[from + 3] shl 24)
    }
    val rgb = Pixels.fromArgb(argb, height, width, 3)
    val back = Pixels.fromArgb(Pixels.toArgb(rgb), height, width, 3)
    require(rgb.bytes.contentEquals(back.bytes)) { "toArgb is not fromArgb's inverse" }
    return numbers(rgb)
}

private fun yuv(given: List<Int>): List<Int> {
    val luma = bytes(given.subList(7, 7 + given[5]))
    val pairs = bytes(given.subList(7 + given[5], 7 + given[5] + given[6]))
    val picture = Pixels.fromYuv(
        luma, pairs, pairs.copyOfRange(1, pairs.size), given[0], given[1], given[2], given[3], 2,
        given[4]
    )
    return listOf(picture.height, picture.width) + numbers(picture)
}

private fun recoloured(given: List<Int>): List<Int> {
    val (scale, height, width) = given
    val size = height * width * 3
    val rgb = Picture(height, width, 3, bytes(given.subList(3, 3 + size)))
    val luma = bytes(given.drop(3 + size))
    return numbers(Pixels.recoloured(rgb, Picture(height * scale, width * scale, 1, luma)))
}

private fun tiled(given: List<Int>): List<Int> {
    val photo = Picture(given[0], given[1], 1, bytes(given.drop(8)))
    val reach = given[7]
    val scale = given[6]
    val network = object : Network {
        override fun run(tile: Picture): ByteArray = windowSum(tile, reach, scale)
    }
    val tile = intArrayOf(given[2], given[3])
    return numbers(Tiles.enhance(photo, tile, given[4], given[5], scale, network))
}

/** A network of known receptive field: sums modulo 256, so that every pixel matters. */
private fun windowSum(tile: Picture, reach: Int, scale: Int): ByteArray {
    val width = tile.width * scale
    return ByteArray(tile.height * scale * width) { index ->
        val row = index / width / scale
        val column = index % width / scale
        var sum = 0
        for (y in maxOf(row - reach, 0)..minOf(row + reach, tile.height - 1)) {
            for (x in maxOf(column - reach, 0)..minOf(column + reach, tile.width - 1)) {
                sum += tile.bytes[y * tile.width + x].toInt()
            }
        }
        sum.toByte()
    }
}
