/// Checks Tiles.swift and Pixels.swift against the vectors of a bundle, on any system with Swift. It
/// is a separate program and not part of an app:
///
///     swiftc -O -parse-as-library ios/Tiles.swift ios/Pixels.swift ios/CheckVectors.swift \
///         -o ../check && ../check .
import Foundation

@main
struct CheckVectors {
    static func main() throws {
        let folder = CommandLine.arguments[1] + "/vectors/"
        var right = 0
        var wrong = 0
        func held(_ what: Substring, _ found: [Int], _ expected: [Int]) {
            if found == expected {
                right += 1
            } else {
                wrong += 1
                print("\(what): \(found.count) numbers are not the \(expected.count) expected")
            }
        }
        for line in try String(contentsOfFile: folder + "tiles.json", encoding: .utf8).split(separator: "\n") {
            let numbers = line.split { !$0.isNumber && $0 != "-" }.compactMap { Int($0) }
            if !numbers.isEmpty { held(line.prefix(100), rectangles(numbers), Array(numbers.dropFirst(7))) }
        }
        for line in try String(contentsOfFile: folder + "pixels.txt", encoding: .utf8).split(separator: "\n") {
            let parts = line.split(separator: "|")
            let name = parts[0].trimmingCharacters(in: .whitespaces)
            // Core ML takes and returns pixel buffers, so no floats are converted.
            if name == "to_byte" || name == "to_float" { continue }
            held(line.prefix(60), try converted(name, numbersOf(parts[1])), numbersOf(parts[2]))
        }
        print("\(right) of \(right + wrong) are as edge-imgq's own")
        if wrong > 0 { exit(1) }
    }

    private static func numbersOf(_ text: Substring) -> [Int] {
        text.split(separator: " ").compactMap { Int($0) }
    }

    /// The padded sides, then the spans of all tiles, for the first 7 numbers of a line.
    private static func rectangles(_ line: [Int]) -> [Int] {
        func of(_ length: Int, _ tile: Int) -> [Span] {
            Tiles.spans(length: length, tile: tile, halo: line[4], multiple: line[5], scale: line[6])
        }
        let columns = of(line[1], line[3])
        let pairs = of(line[0], line[2]).flatMap { row in columns.map { (row, $0) } }
        let padded = [
            Tiles.paddedLength(line[0], tile: line[2], multiple: line[5]),
            Tiles.paddedLength(line[1], tile: line[3], multiple: line[5]),
        ]
        return padded + pairs.flatMap { [$0.0.read, $0.1.read, line[2], line[3]] }
            + pairs.flatMap { [$0.0.crop, $0.1.crop] }
            + pairs.flatMap { [$0.0.write, $0.1.write, $0.0.length, $0.1.length] }
    }

    private static func converted(_ name: String, _ given: [Int]) throws -> [Int] {
        switch name {
        case "luma":
            return stride(from: 0, to: given.count, by: 3).map {
                Pixels.luma(given[$0], given[$0 + 1], given[$0 + 2])
            }
        case "limited": return given.map { Pixels.limited($0) }
        case "full": return given.map { Pixels.full($0) }
        case "bgra": return bgra(given)
        case "yuv": return yuv(given)
        case "recoloured": return recoloured(given)
        case "tiled": return try tiled(given)
        default: fatalError("no such vector: \(name)")
        }
    }

    private static func bytes(_ numbers: ArraySlice<Int>) -> [UInt8] { numbers.map { UInt8($0) } }

    private static func numbers(_ picture: Picture) -> [Int] { picture.bytes.map { Int($0) } }

    /// Converts pixels to an image and back; only padding and alpha may differ.
    private static func bgra(_ given: [Int]) -> [Int] {
        let (height, width, row) = (given[0], given[1], given[2])
        let rgb = Pixels.fromBGRA(bytes(given[3...]), height: height, width: width, bytesPerRow: row)
        var written = [UInt8](repeating: 0, count: height * row)
        Pixels.toBGRA(rgb, &written, bytesPerRow: row)
        precondition(
            rgb == Pixels.fromBGRA(written, height: height, width: width, bytesPerRow: row))
        return numbers(rgb)
    }

    private static func yuv(_ given: [Int]) -> [Int] {
        let picture = Pixels.fromYUV(
            luma: bytes(given[7..<7 + given[5]]), lumaRow: given[2],
            chroma: bytes(given[(7 + given[5])...]), chromaRow: given[3],
            height: given[0], width: given[1], rotation: given[4])
        return [picture.height, picture.width] + numbers(picture)
    }

    private static func recoloured(_ given: [Int]) -> [Int] {
        let (scale, height, width) = (given[0], given[1], given[2])
        let rgb = Picture(
            height: height, width: width, channels: 3, bytes: bytes(given[3..<3 + height * width * 3]))
        let luma = Picture(
            height: height * scale, width: width * scale, channels: 1,
            bytes: bytes(given[(3 + height * width * 3)...]))
        return numbers(Pixels.recoloured(rgb, luma: luma))
    }

    private static func tiled(_ given: [Int]) throws -> [Int] {
        let photo = Picture(
            height: given[0], width: given[1], channels: 1, bytes: bytes(given[8...]))
        let result = try Tiles.enhance(
            photo, tile: (given[2], given[3]), halo: given[4], multiple: given[5], scale: given[6]
        ) { windowSum($0, reach: given[7], scale: given[6]) }
        return numbers(result)
    }

    /// A network of known receptive field: sums modulo 256, so that every pixel matters.
    private static func windowSum(_ tile: Picture, reach: Int, scale: Int) -> [UInt8] {
        let width = tile.width * scale
        return (0..<tile.height * scale * width).map { index in
            let (row, column) = (index / width / scale, index % width / scale)
            var sum: UInt8 = 0
            for y in max(row - reach, 0)...min(row + reach, tile.height - 1) {
                for x in max(column - reach, 0)...min(column + reach, tile.width - 1) {
                    sum &+= tile.bytes[y * tile.width + x]
                }
            }
            return sum
        }
    }
}
