package android.media

import java.nio.ByteBuffer

abstract class Image {
    abstract class Plane {
        abstract val buffer: ByteBuffer
        abstract val rowStride: Int
        abstract val pixelStride: Int
    }

    abstract val width: Int
    abstract val height: Int
    abstract val planes: Array<Plane>
}
