package android

object R {
    object attr {
        const val progressBarStyleHorizontal = 1
    }
}
