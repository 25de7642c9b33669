import Foundation

/// An input other than the photograph, as in `inputs` of contract.json.
public struct Port {
    public let name: String
    public let channels: Int
    /// The model's numbers at share 0 and share 1: one for all channels, or one per channel.
    public let low: [Double]
    public let high: [Double]
}

/// An input in shares of its range, 0 to 1, with interleaved channels: of height · width pixels, or
/// of one that stands for all.
public struct Shares {
    public let height: Int
    public let width: Int
    public let channels: Int
    public let values: [Double]
}

/// A tensor of a package: an image of Core ML's, or float32 (1, C, H, W) from 0 to `peak`.
public struct Tensor {
    public let name: String
    public let height: Int
    public let width: Int
    public let channels: Int
    public let isImage: Bool
    public let peak: Double

    /// Number of values.
    public var count: Int { height * width * channels }
}

public enum PortsError: Error {
    case numbers(port: String, takes: Int)
    case range(port: String, low: Double, high: Double)
    case size(tensor: String)
    case noShares(tensor: String)
    case noOutput(String)
}

/// Converts a photograph, a mask or numbers in the model's range to what tensors store, and back,
/// checked against `vectors/` by CheckPorts.swift. Nothing here needs an Apple system.
public enum Ports {
    /// Returns the shares of numbers in the model's range: one for all channels, or one for each.
    public static func constant(_ port: Port, _ numbers: [Double]) throws -> Shares {
        guard numbers.count == 1 || numbers.count == port.channels else {
            throw PortsError.numbers(port: port.name, takes: port.channels)
        }
        let shares = try (0..<port.channels).map { channel -> Double in
            let low = port.low[port.low.count == 1 ? 0 : channel]
            let high = port.high[port.high.count == 1 ? 0 : channel]
            let number = numbers[numbers.count == 1 ? 0 : channel]
            guard low <= number && number <= high else {
                throw PortsError.range(port: port.name, low: low, high: high)
            }
            return (number - low) / (high - low)
        }
        return Shares(height: 1, width: 1, channels: port.channels, values: shares)
    }

    /// Returns the shares of levels, 0 to 255, of a photograph, a mask or another picture.
    public static func fromLevels(
        _ levels: [UInt8], height: Int, width: Int, channels: Int
    ) -> Shares {
        let values = levels.map { Double($0) / 255 }
        return Shares(height: height, width: width, channels: channels, values: values)
    }

    /// Returns shares as levels, 0 to 255, with interleaved channels, of a tensor's size.
    public static func levels(_ shares: Shares, of tensor: Tensor) throws -> [UInt8] {
        try spread(shares, tensor).map { UInt8(($0 * 255).rounded(.toNearestOrEven)) }
    }

    /// Returns shares as float32 (C, H, W), from 0 to `peak`.
    public static func planes(_ shares: Shares, of tensor: Tensor) throws -> [Float] {
        let values = try spread(shares, tensor)
        let pixels = tensor.height * tensor.width
        return (0..<tensor.count).map { index in
            Float(values[index % pixels * tensor.channels + index / pixels] * tensor.peak)
        }
    }

    /// Reads float32 (C, H, W) as levels, 0 to 255, with interleaved channels. The model's number
    /// is low + level / 255 · (high − low).
    public static func levels(_ planes: [Float], of tensor: Tensor) -> [UInt8] {
        let pixels = tensor.height * tensor.width
        return (0..<tensor.count).map { index in
            let value = planes[index % tensor.channels * pixels + index / tensor.channels]
            let share = min(max(Double(value) / tensor.peak, 0), 1)
            return UInt8((share * 255).rounded(.toNearestOrEven))
        }
    }

    private static func spread(_ shares: Shares, _ tensor: Tensor) throws -> [Double] {
        let isOne = shares.height == 1 && shares.width == 1
        guard shares.channels == tensor.channels && (isOne || shares.values.count == tensor.count)
        else { throw PortsError.size(tensor: tensor.name) }
        return isOne ? (0..<tensor.count).map { shares.values[$0 % tensor.channels] } : shares.values
    }
}
