package android.widget

import android.content.Context
import android.graphics.Bitmap
import android.util.AttributeSet
import android.view.View

@Suppress("UNUSED_PARAMETER")
class ImageView(context: Context) : View() {
    fun setImageBitmap(bitmap: Bitmap?) = Unit
}

@Suppress("UNUSED_PARAMETER")
class ProgressBar(context: Context, attributes: AttributeSet?, style: Int) : View() {
    var max = 0
    var progress = 0
}

@Suppress("UNUSED_PARAMETER")
class Button(context: Context) : View() {
    var text: CharSequence = ""
}

@Suppress("UNUSED_PARAMETER")
class LinearLayout(context: Context) : View() {
    var orientation = 0

    fun addView(view: View) = Unit

    companion object {
        const val VERTICAL = 1
    }
}
