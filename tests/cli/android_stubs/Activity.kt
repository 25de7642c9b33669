package android.app

import android.content.ContentResolver
import android.content.Context
import android.content.Intent
import android.os.Bundle
import android.view.View

@Suppress("UNUSED_PARAMETER")
abstract class Activity : Context() {
    override val assets: android.content.res.AssetManager
        get() = throw UnsupportedOperationException()
    val contentResolver: ContentResolver
        get() = throw UnsupportedOperationException()

    protected open fun onCreate(state: Bundle?) = Unit
    protected open fun onDestroy() = Unit
    protected open fun onActivityResult(request: Int, code: Int, data: Intent?) = Unit
    fun setContentView(view: View) = Unit
    fun runOnUiThread(action: () -> Unit) = Unit
    fun startActivityForResult(intent: Intent, request: Int) = Unit
}
