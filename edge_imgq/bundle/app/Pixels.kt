package edgeimgq

/**
 * Converts pixels of bitmaps and camera frames for a network and back, in integers, with the same
 * results as edge-imgq (edge_imgq/bundle/app_pixels.py), checked against vectors/pixels.txt by
 * CheckVectors.kt.
 * Nothing here needs Android.
 */
object Pixels {
    /** Returns the luma of a pixel in BT.601, 16 to 235; ties are rounded to even. */
    fun luma(red: Int, green: Int, blue: Int): Int {
        val sum = 65481 * red + 128553 * green + 24966 * blue + 16 * 255000
        val whole = sum / 255000
        val rest = sum % 255000
        return if (rest > 127500 || (rest == 127500 && whole % 2 == 1)) whole + 1 else whole
    }

    /** Converts a camera's full-range luma, 0 to 255, to limited range, 16 to 235. */
    fun limited(full: Int): Int = 16 + (full * 438 + 255) / 510

    /** Converts limited-range luma, 16 to 235, to full range, 0 to 255. */
    fun full(limited: Int): Int = clip(Math.floorDiv((limited - 16) * 170 + 73, 146))

    /** Clips a value to 0 to 255. */
    fun clip(value: Int): Int = if (value < 0) 0 else if (value > 255) 255 else value

    /** Converts ARGB ints, as from Bitmap.getPixels, to an image of 3 channels or luma. */
    fun fromArgb(argb: IntArray, height: Int, width: Int, channels: Int): Picture {
        val bytes = ByteArray(height * width * channels)
        for (index in argb.indices) {
            val red = argb[index] shr 16 and 255
            val green = argb[index] shr 8 and 255
            val blue = argb[index] and 255
            if (channels == 1) {
                bytes[index] = luma(red, green, blue).toByte()
            } else {
                bytes[3 * index] = red.toByte()
                bytes[3 * index + 1] = green.toByte()
                bytes[3 * index + 2] = blue.toByte()
            }
        }
        return Picture(height, width, channels, bytes)
    }

    /** Converts an image of 3 channels to ARGB ints, as for Bitmap.setPixels. */
    fun toArgb(picture: Picture): IntArray {
        require(picture.channels == 3) { "a picture of luma has no colour: see recoloured" }
        val bytes = picture.bytes
        return IntArray(picture.height * picture.width) { index ->
            argb(bytes[3 * index].toInt(), bytes[3 * index + 1].toInt(), bytes[3 * index + 2].toInt())
        }
    }

    private fun argb(red: Int, green: Int, blue: Int): Int =
        (255 shl 24) or (red and 255 shl 16) or (green and 255 shl 8) or (blue and 255)

    /**
     * Converts a camera frame in YUV_420_888, full-range BT.601, to an RGB image.
     *
     * Chroma has half as many rows and columns, rounded up; `rotation` is 0, 90, 180 or 270 degrees
     * clockwise, as the camera states it.
     */
    fun fromYuv(
        luma: ByteArray, cb: ByteArray, cr: ByteArray, height: Int, width: Int,
        lumaRow: Int, chromaRow: Int, chromaPixel: Int, rotation: Int
    ): Picture {
        val upright = rotation % 180 == 0
        val rows = if (upright) height else width
        val columns = if (upright) width else height
        val bytes = ByteArray(rows * columns * 3)
        for (row in 0 until height) for (column in 0 until width) {
            val chroma = row / 2 * chromaRow + column / 2 * chromaPixel
            val y = luma[row * lumaRow + column].toInt() and 255
            val u = (cb[chroma].toInt() and 255) - 128
            val v = (cr[chroma].toInt() and 255) - 128
            val place = 3 * when (rotation) {
                90 -> column * columns + height - 1 - row
                180 -> (height - 1 - row) * columns + width - 1 - column
                270 -> (width - 1 - column) * columns + row
                else -> row * columns + column
            }
            bytes[place] = clip(y + (91881 * v + 32768 shr 16)).toByte()
            bytes[place + 1] = clip(y - (22554 * u + 46802 * v + 32768 shr 16)).toByte()
            bytes[place + 2] = clip(y + (116130 * u + 32768 shr 16)).toByte()
        }
        return Picture(rows, columns, 3, bytes)
    }

    /** Returns the network's input for an RGB image: the image, or its luma. */
    fun planes(rgb: Picture, channels: Int): Picture {
        if (channels == 3) return rgb
        val bytes = ByteArray(rgb.height * rgb.width) { index ->
            luma(
                rgb.bytes[3 * index].toInt() and 255, rgb.bytes[3 * index + 1].toInt() and 255,
                rgb.bytes[3 * index + 2].toInt() and 255
            ).toByte()
        }
        return Picture(rgb.height, rgb.width, 1, bytes)
    }

    /** Upscales an RGB image bilinearly and replaces its luma, 16 to 235. */
    fun recoloured(rgb: Picture, luma: Picture): Picture {
        val scale = luma.height / rgb.height
        val bytes = ByteArray(luma.height * luma.width * 3)
        val pixel = IntArray(3)
        for (row in 0 until luma.height) for (column in 0 until luma.width) {
            bilinear(rgb, row, column, scale, pixel)
            val now = luma.bytes[row * luma.width + column].toInt() and 255
            val more = Math.floorDiv((now - luma(pixel[0], pixel[1], pixel[2])) * 170 + 73, 146)
            for (channel in 0 until 3) {
                bytes[3 * (row * luma.width + column) + channel] =
                    clip(pixel[channel] + more).toByte()
            }
        }
        return Picture(luma.height, luma.width, 3, bytes)
    }

    private fun bilinear(rgb: Picture, row: Int, column: Int, scale: Int, pixel: IntArray) {
        val unit = 2 * scale
        val down = Math.floorDiv(2 * row + 1 - scale, unit)
        val right = Math.floorDiv(2 * column + 1 - scale, unit)
        val below = 2 * row + 1 - scale - down * unit
        val beside = 2 * column + 1 - scale - right * unit
        val top = maxOf(down, 0) * rgb.width
        val bottom = minOf(down + 1, rgb.height - 1) * rgb.width
        val west = maxOf(right, 0)
        val east = minOf(right + 1, rgb.width - 1)
        for (channel in 0 until 3) {
            val upper = (unit - beside) * at(rgb, top + west, channel) +
                beside * at(rgb, top + east, channel)
            val lower = (unit - beside) * at(rgb, bottom + west, channel) +
                beside * at(rgb, bottom + east, channel)
            pixel[channel] = ((unit - below) * upper + below * lower + unit * unit / 2) / (unit * unit)
        }
    }

    private fun at(rgb: Picture, place: Int, channel: Int): Int =
        rgb.bytes[3 * place + channel].toInt() and 255

    /** Converts a level, 0 to 255, to the input of a float32 file, 0 to peak. */
    fun toFloat(pixel: Byte, peak: Double): Float =
        (pixel.toInt() and 255).toFloat() * (peak / 255.0).toFloat()

    /** Converts the output of a float32 file to a level: rounded half to even, and clipped. */
    fun toByte(value: Float, peak: Double): Byte {
        require(!value.isNaN() && !value.isInfinite()) { "the output holds NaN or infinity" }
        val level = Math.rint(value.toDouble() * (255.0 / peak))
        return (if (level < 0.0) 0 else if (level > 255.0) 255 else level.toInt()).toByte()
    }
}
