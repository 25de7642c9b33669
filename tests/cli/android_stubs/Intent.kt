package android.content

import android.net.Uri
import java.io.InputStream

@Suppress("UNUSED_PARAMETER")
class Intent(action: String) {
    var type: String? = null
    val data: Uri? = null

    fun addCategory(category: String): Intent = this

    companion object {
        const val ACTION_OPEN_DOCUMENT = "open"
        const val CATEGORY_OPENABLE = "openable"
    }
}

abstract class ContentResolver {
    abstract fun openInputStream(place: Uri): InputStream?
}
