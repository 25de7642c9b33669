package edgeimgq.sample

import android.app.Activity
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.os.Bundle
import android.widget.Button
import android.widget.ImageView
import android.widget.LinearLayout
import android.widget.ProgressBar
import edgeimgq.Enhancer
import edgeimgq.Progress
import java.util.concurrent.CancellationException
import java.util.concurrent.Executors

/** Chooses a photograph and shows it enhanced; Cancel stops between two tiles. */
class MainActivity : Activity() {
    private val worker = Executors.newSingleThreadExecutor()
    private val enhancer by lazy { Enhancer(this) }
    private lateinit var picture: ImageView
    private lateinit var bar: ProgressBar

    @Volatile
    private var cancelled = false

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        picture = ImageView(this)
        bar = ProgressBar(this, null, android.R.attr.progressBarStyleHorizontal)
        val column = LinearLayout(this)
        column.orientation = LinearLayout.VERTICAL
        column.addView(button("Choose a photograph") { choose() })
        column.addView(button("Cancel") { cancelled = true })
        column.addView(bar)
        column.addView(picture)
        setContentView(column)
    }

    private fun button(words: String, action: () -> Unit): Button {
        val button = Button(this)
        button.text = words
        button.setOnClickListener { action() }
        return button
    }

    private fun choose() {
        val asking = Intent(Intent.ACTION_OPEN_DOCUMENT)
        asking.addCategory(Intent.CATEGORY_OPENABLE)
        asking.type = "image/*"
        startActivityForResult(asking, 1)
    }

    override fun onActivityResult(request: Int, code: Int, data: Intent?) {
        super.onActivityResult(request, code, data)
        val place = data?.data ?: return
        cancelled = false
        worker.execute {
            val stream = contentResolver.openInputStream(place)
            val bitmap: Bitmap? = stream?.use { BitmapFactory.decodeStream(it) }
            if (bitmap != null) show(bitmap)
        }
    }

    private fun show(bitmap: Bitmap) {
        try {
            val result = enhancer.enhance(bitmap, object : Progress {
                override fun tile(done: Int, total: Int): Boolean {
                    runOnUiThread {
                        bar.max = total
                        bar.progress = done
                    }
                    return !cancelled
                }
            })
            runOnUiThread { picture.setImageBitmap(result) }
        } catch (stopped: CancellationException) {
            runOnUiThread { bar.progress = 0 }
        }
    }

    override fun onDestroy() {
        super.onDestroy()
        cancelled = true
        worker.execute { enhancer.close() }
        worker.shutdown()
    }
}
