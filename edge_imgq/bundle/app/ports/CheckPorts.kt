package edgeimgq

import java.io.File
import java.nio.ByteBuffer

/**
 * Checks Ports.kt with the inputs in vectors/, without Android: what a tensor stores of each, and of
 * both ends of each range, reads as the levels that it was.
 *
 *     kotlinc android/Ports.kt android/Contract.kt android/CheckPorts.kt \
 *         -include-runtime -d ../check.jar && java -jar ../check.jar .
 */
fun main(args: Array<String>) {
    var wrong = 0
    for (file in Contract.FILES) {
        file.inputs.forEachIndexed { index, tensor ->
            val levels = read(File(args[0], "vectors/input-$index.pnm"), tensor.channels)
            val shares = when (levels.size) {
                tensor.channels -> Ports.fromLevels(levels, 1, 1, tensor.channels)
                else -> Ports.fromLevels(levels, tensor.height, tensor.width, tensor.channels)
            }
            val found = throughMemory(shares, tensor)
            val isRight = found.indices.all { found[it] == levels[it % levels.size] }
            println("${file.asset}, ${tensor.name}: ${if (isRight) "right" else "WRONG"}")
            if (!isRight) wrong++
        }
        for (tensor in file.inputs.drop(1)) {
            val port = Contract.PORTS.getValue(tensor.name)
            val ends = listOf(port.low to 0, port.high to 255)
            for ((numbers, level) in ends) {
                val found = throughMemory(Ports.constant(port, *numbers), tensor)
                if (found.any { it.toInt() and 255 != level }) wrong++
            }
        }
    }
    println(if (wrong == 0) "all as in vectors/" else "$wrong are wrong")
    if (wrong > 0) System.exit(1)
}

private fun throughMemory(shares: Shares, tensor: Tensor): ByteArray {
    val memory = ByteBuffer.allocate(tensor.count * (if (tensor.isFloat) 4 else 1))
    Ports.store(shares, tensor, memory)
    memory.rewind()
    return Ports.levels(tensor, memory)
}

/** Reads a file of vectors/ as levels with interleaved channels. */
private fun read(file: File, channels: Int): ByteArray {
    val bytes = file.readBytes()
    var start = 0
    repeat(3) { start = (start until bytes.size).first { bytes[it] == '\n'.code.toByte() } + 1 }
    val levels = bytes.copyOfRange(start, bytes.size)
    if (String(bytes, 0, 2) == "P6") return levels
    val pixels = levels.size / channels
    return ByteArray(levels.size) { levels[it % channels * pixels + it / channels] }
}
