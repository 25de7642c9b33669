package android.content.res

import java.io.Closeable
import java.io.FileDescriptor

abstract class AssetManager {
    abstract fun openFd(name: String): AssetFileDescriptor
}

abstract class AssetFileDescriptor : Closeable {
    abstract val fileDescriptor: FileDescriptor
    abstract val startOffset: Long
    abstract val declaredLength: Long
}
