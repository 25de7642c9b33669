package edgeimgq

import android.content.Context
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import org.tensorflow.lite.Interpreter

/**
 * A file of several inputs and outputs, by LiteRT's Interpreter: org.tensorflow.lite.Interpreter of
 * LiteRT 1.x, or TensorFlow Lite 2.14 and later. Not thread-safe.
 */
class PortsFile(context: Context, private val file: PortedFile, threads: Int = 2) : AutoCloseable {
    private val interpreter =
        Interpreter(mapped(context, file.asset), Interpreter.Options().setNumThreads(threads))
    private val inputs = file.inputs.associate { it.name to memory(it) }
    private val outputs = file.outputs.associate { it.name to memory(it) }
    private val handedOn = mutableSetOf<String>()

    /**
     * Runs the file on shares of its inputs, by their names in `file.inputs`; returns the levels of
     * each output by its name. An input without shares takes what `handOn` gave it.
     */
    fun run(shares: Map<String, Shares>): Map<String, ByteArray> {
        for (tensor in file.inputs) {
            val given = shares[tensor.name]
            val memory = inputs.getValue(tensor.name)
            memory.rewind()
            if (given != null) {
                Ports.store(given, tensor, memory)
            } else {
                require(tensor.name in handedOn) { "${tensor.name} has no shares" }
            }
            memory.rewind()
        }
        for (memory in outputs.values) memory.rewind()
        interpreter.runSignature(inputs, outputs, file.signature)
        return file.outputs.associate { tensor ->
            val memory = outputs.getValue(tensor.name)
            memory.rewind()
            tensor.name to Ports.levels(tensor, memory)
        }
    }

    /** Gives an input of the next frame, a state, what an output of this one was, as it is stored. */
    fun handOn(output: String, input: String) {
        val from = outputs.getValue(output)
        val to = inputs.getValue(input)
        from.rewind()
        to.rewind()
        to.put(from)
        handedOn += input
    }

    override fun close() = interpreter.close()

    private fun memory(tensor: Tensor): ByteBuffer {
        val bytes = tensor.count * (if (tensor.isFloat) 4 else 1)
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder())
    }

    private companion object {
        /** The asset must not be compressed: noCompress += "tflite", unless the build does so by default. */
        fun mapped(context: Context, name: String): ByteBuffer =
            context.assets.openFd(name).use { asset ->
                FileInputStream(asset.fileDescriptor).channel.map(
                    FileChannel.MapMode.READ_ONLY, asset.startOffset, asset.declaredLength
                )
            }
    }
}
