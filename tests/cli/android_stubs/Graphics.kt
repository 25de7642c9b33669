package android.graphics

abstract class Bitmap {
    enum class Config { ARGB_8888 }

    abstract val width: Int
    abstract val height: Int
    abstract fun getPixels(
        pixels: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int
    )
    abstract fun setPixels(
        pixels: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int
    )

    companion object {
        @JvmStatic
        fun createBitmap(width: Int, height: Int, config: Config): Bitmap =
            throw UnsupportedOperationException("$width $height $config")
    }
}

object BitmapFactory {
    @JvmStatic
    fun decodeStream(stream: java.io.InputStream): Bitmap? =
        throw UnsupportedOperationException("$stream")
}
