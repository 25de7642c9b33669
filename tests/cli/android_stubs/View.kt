package android.view

@Suppress("UNUSED_PARAMETER")
abstract class View {
    fun setOnClickListener(action: (View) -> Unit) = Unit
}
