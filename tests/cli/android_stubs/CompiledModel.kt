package com.google.ai.edge.litert

import android.content.res.AssetManager

enum class Accelerator { NONE, CPU, GPU, NPU }

class LiteRtException(message: String) : Exception(message)

@Suppress("UNUSED_PARAMETER")
class TensorBuffer : AutoCloseable {
    fun writeFloat(data: FloatArray) = Unit
    fun writeInt8(data: ByteArray) = Unit
    fun readFloat(): FloatArray = FloatArray(0)
    fun readInt8(): ByteArray = ByteArray(0)
    override fun close() = Unit
}

@Suppress("UNUSED_PARAMETER")
class CompiledModel : AutoCloseable {
    class Options(vararg accelerators: Accelerator)

    fun createInputBuffers(): List<TensorBuffer> = emptyList()
    fun createOutputBuffers(): List<TensorBuffer> = emptyList()
    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>) = Unit
    override fun close() = Unit

    companion object {
        @JvmStatic
        fun create(assets: AssetManager, name: String, options: Options): CompiledModel =
            CompiledModel()
    }
}
