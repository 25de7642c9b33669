package edgeimgq

import android.graphics.Bitmap
import android.media.Image
import java.nio.ByteBuffer

/**
 * Enhances bitmaps and camera frames of any size; Enhancer and CompiledEnhancer implement how
 * the file is run.
 *
 * Not thread-safe. Call it from a background thread.
 */
abstract class PhotoEnhancer : Network, AutoCloseable {
    /** Returns the network's result for an image with the network's channels. */
    abstract fun run(picture: Picture, progress: Progress? = null): Picture

    /** Returns an enhanced bitmap; `progress` is called before each tile and may cancel. */
    fun enhance(bitmap: Bitmap, progress: Progress? = null): Bitmap {
        val argb = IntArray(bitmap.width * bitmap.height)
        bitmap.getPixels(argb, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        return enhance(Pixels.fromArgb(argb, bitmap.height, bitmap.width, 3), progress)
    }

    /** Returns an enhanced YUV_420_888 camera frame, rotated upright by `rotation` degrees clockwise. */
    fun enhance(frame: Image, rotation: Int, progress: Progress? = null): Bitmap {
        val (luma, cb, cr) = frame.planes
        return enhance(
            Pixels.fromYuv(
                bytes(luma.buffer), bytes(cb.buffer), bytes(cr.buffer), frame.height, frame.width,
                luma.rowStride, cb.rowStride, cb.pixelStride, rotation
            ),
            progress
        )
    }

    private fun enhance(rgb: Picture, progress: Progress?): Bitmap {
        val result = run(Pixels.planes(rgb, Contract.CHANNELS), progress)
        val coloured = if (result.channels == 3) result else Pixels.recoloured(rgb, result)
        val bitmap =
            Bitmap.createBitmap(coloured.width, coloured.height, Bitmap.Config.ARGB_8888)
        bitmap.setPixels(
            Pixels.toArgb(coloured), 0, coloured.width, 0, 0, coloured.width, coloured.height
        )
        return bitmap
    }

    private fun bytes(buffer: ByteBuffer): ByteArray {
        val found = ByteArray(buffer.remaining())
        buffer.duplicate().get(found)
        return found
    }
}
