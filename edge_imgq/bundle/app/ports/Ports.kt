package edgeimgq

import java.nio.ByteBuffer

/** An input other than the photograph, as in `inputs` of contract.json. */
class Port(
    val name: String,
    val channels: Int,
    /** The model's numbers at share 0 and share 1: one for all channels, or one per channel. */
    val low: DoubleArray,
    val high: DoubleArray
)

/**
 * An input in shares of its range, 0 to 1, with interleaved channels: of height * width pixels, or
 * of one that stands for all.
 */
class Shares(val height: Int, val width: Int, val channels: Int, val values: DoubleArray)

/** A tensor of a file: one image, channels interleaved, float32 from 0 to `peak` or bytes. */
class Tensor(
    val name: String,
    val height: Int,
    val width: Int,
    val channels: Int,
    val isFloat: Boolean,
    val peak: Double
) {
    /** Number of stored values. */
    val count: Int get() = height * width * channels
}

/**
 * Converts a photograph, a mask or numbers in the model's range to what tensors store, and back,
 * checked against vectors/ by CheckPorts.kt. Nothing here needs Android.
 */
object Ports {
    /** Returns the shares of numbers in the model's range: one for all channels, or one for each. */
    fun constant(port: Port, vararg numbers: Double): Shares {
        require(numbers.size == 1 || numbers.size == port.channels) {
            "${port.name} takes one number, or one for each of its ${port.channels} channels"
        }
        val shares = DoubleArray(port.channels) { channel ->
            val low = port.low[if (port.low.size == 1) 0 else channel]
            val high = port.high[if (port.high.size == 1) 0 else channel]
            val number = numbers[if (numbers.size == 1) 0 else channel]
            require(number in low..high) {
                "${port.name} goes from $low to $high, and $number is beyond: see contract.json"
            }
            (number - low) / (high - low)
        }
        return Shares(1, 1, port.channels, shares)
    }

    /** Returns the shares of levels, 0 to 255, of a photograph, a mask or another picture. */
    fun fromLevels(levels: ByteArray, height: Int, width: Int, channels: Int): Shares =
        Shares(height, width, channels, DoubleArray(levels.size) { (levels[it].toInt() and 255) / 255.0 })

    /** Writes shares to the memory of a tensor, from its position on. */
    fun store(shares: Shares, tensor: Tensor, memory: ByteBuffer) {
        val isOne = shares.height == 1 && shares.width == 1
        require(shares.channels == tensor.channels && (isOne || shares.values.size == tensor.count)) {
            "${tensor.name} takes ${tensor.height}x${tensor.width} pixels of ${tensor.channels} " +
                "channels, not ${shares.height}x${shares.width} of ${shares.channels}"
        }
        for (index in 0 until tensor.count) {
            val share = shares.values[if (isOne) index % tensor.channels else index]
            if (tensor.isFloat) {
                memory.putFloat((share * tensor.peak).toFloat())
            } else {
                memory.put(Math.rint(share * 255).toInt().toByte())
            }
        }
    }

    /** Reads a tensor as levels, 0 to 255. The model's number is low + level / 255 * (high - low). */
    fun levels(tensor: Tensor, memory: ByteBuffer): ByteArray = ByteArray(tensor.count) {
        if (tensor.isFloat) {
            val share = (memory.getFloat() / tensor.peak).coerceIn(0.0, 1.0)
            Math.rint(share * 255).toInt().toByte()
        } else {
            memory.get()
        }
    }
}
