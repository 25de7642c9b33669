// As much of Android as the code of bundles calls, with the published types, to compile it with.
package android.content

import java.io.FileDescriptor

abstract class Context {
    abstract val assets: android.content.res.AssetManager
}
