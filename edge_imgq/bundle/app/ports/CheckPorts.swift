import Foundation

/// Checks Ports.swift with the inputs in `vectors/`, without an Apple system: what a tensor stores
/// of each, and of both ends of each range, reads as the levels that it was.
///
///     swiftc -O -parse-as-library ios/Ports.swift ios/Contract.swift ios/CheckPorts.swift \
///         -o ../check && ../check .
@main
struct CheckPorts {
    static func main() throws {
        let folder = CommandLine.arguments[1]
        var wrong = 0
        for file in Contract.files {
            for (index, tensor) in file.inputs.enumerated() {
                let levels = try read("\(folder)/vectors/input-\(index).pnm", tensor.channels)
                let isOne = levels.count == tensor.channels
                let shares = Ports.fromLevels(
                    levels, height: isOne ? 1 : tensor.height, width: isOne ? 1 : tensor.width,
                    channels: tensor.channels)
                let expected = (0..<tensor.count).map { levels[$0 % levels.count] }
                let isRight = try through(shares, tensor) == expected
                print("\(file.name), \(tensor.name): \(isRight ? "right" : "WRONG")")
                wrong += isRight ? 0 : 1
            }
            for (port, tensor) in zip(Contract.ports, file.inputs.dropFirst()) {
                for (numbers, level) in [(port.low, UInt8(0)), (port.high, UInt8(255))] {
                    let found = try through(Ports.constant(port, numbers), tensor)
                    wrong += found.allSatisfy { $0 == level } ? 0 : 1
                }
            }
        }
        print(wrong == 0 ? "all as in vectors/" : "\(wrong) are wrong")
        exit(wrong == 0 ? 0 : 1)
    }

    private static func through(_ shares: Shares, _ tensor: Tensor) throws -> [UInt8] {
        if tensor.isImage { return try Ports.levels(shares, of: tensor) }
        return Ports.levels(try Ports.planes(shares, of: tensor), of: tensor)
    }

    /// Reads a file of `vectors/` as levels with interleaved channels.
    private static func read(_ path: String, _ channels: Int) throws -> [UInt8] {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let lines = bytes.indices.filter { bytes[$0] == 10 }
        let levels = Array(bytes[(lines[2] + 1)...])
        if bytes[1] == UInt8(ascii: "6") { return levels }
        let pixels = levels.count / channels
        return levels.indices.map { levels[$0 % channels * pixels + $0 / channels] }
    }
}
