import CoreML
import CoreVideo

/// A package of several inputs and outputs, by Core ML. Not thread-safe.
public final class PortsPackage {
    private let model: MLModel
    private let file: PortedFile
    private var handedOn: [String: MLFeatureValue] = [:]
    private var last: [String: MLFeatureValue] = [:]

    /// - Parameters:
    ///   - url: URL of the compiled model (`.mlmodelc`) in the app's bundle.
    ///   - units: compute units; `.all` tries the Neural Engine, the GPU and the CPU.
    public init(url: URL, file: PortedFile, units: MLComputeUnits = .all) throws {
        let configuration = MLModelConfiguration()
        configuration.computeUnits = units
        self.model = try MLModel(contentsOf: url, configuration: configuration)
        self.file = file
    }

    /// Runs the package on shares of its inputs, by their names in `file.inputs`; returns the levels
    /// of each output by its name. An input without shares takes what `handOn` gave it.
    public func run(_ shares: [String: Shares]) throws -> [String: [UInt8]] {
        var features: [String: Any] = [:]
        for tensor in file.inputs {
            if let given = shares[tensor.name] {
                features[tensor.name] = try Self.feature(given, tensor)
            } else if let state = handedOn[tensor.name] {
                features[tensor.name] = state
            } else {
                throw PortsError.noShares(tensor: tensor.name)
            }
        }
        let found = try model.prediction(from: MLDictionaryFeatureProvider(dictionary: features))
        var levels: [String: [UInt8]] = [:]
        for tensor in file.outputs {
            guard let value = found.featureValue(for: tensor.name) else {
                throw PortsError.noOutput(tensor.name)
            }
            last[tensor.name] = value
            levels[tensor.name] = try Self.levels(value, tensor)
        }
        return levels
    }

    /// Gives an input of the next frame, a state, what an output of this one was, as it is stored.
    public func handOn(output: String, to input: String) throws {
        guard let value = last[output] else { throw PortsError.noOutput(output) }
        handedOn[input] = value
    }

    private static func feature(_ shares: Shares, _ tensor: Tensor) throws -> MLFeatureValue {
        if tensor.isImage {
            return MLFeatureValue(pixelBuffer: try image(Ports.levels(shares, of: tensor), tensor))
        }
        let shape = [1, tensor.channels, tensor.height, tensor.width] as [NSNumber]
        let array = try MLMultiArray(shape: shape, dataType: .float32)
        let memory = array.dataPointer.assumingMemoryBound(to: Float.self)
        for (index, value) in try Ports.planes(shares, of: tensor).enumerated() {
            memory[index] = value
        }
        return MLFeatureValue(multiArray: array)
    }

    private static func levels(_ value: MLFeatureValue, _ tensor: Tensor) throws -> [UInt8] {
        if tensor.isImage, let buffer = value.imageBufferValue { return levels(buffer, tensor) }
        guard !tensor.isImage, let array = value.multiArrayValue else {
            throw PortsError.noOutput(tensor.name)
        }
        let memory = array.dataPointer.assumingMemoryBound(to: Float.self)
        let strides = array.strides.map { $0.intValue }  // rows may be padded
        var planes: [Float] = []
        for channel in 0..<tensor.channels {
            for row in 0..<tensor.height {
                for column in 0..<tensor.width {
                    let place = channel * strides[1] + row * strides[2] + column * strides[3]
                    planes.append(memory[place])
                }
            }
        }
        return Ports.levels(planes, of: tensor)
    }

    /// Returns levels as a pixel buffer: BGRA of three channels, one component of one.
    private static func image(_ levels: [UInt8], _ tensor: Tensor) throws -> CVPixelBuffer {
        let isGray = tensor.channels == 1
        let format = isGray ? kCVPixelFormatType_OneComponent8 : kCVPixelFormatType_32BGRA
        let attributes = [kCVPixelBufferIOSurfacePropertiesKey: [:]] as CFDictionary
        var made: CVPixelBuffer?
        CVPixelBufferCreate(
            kCFAllocatorDefault, tensor.width, tensor.height, format, attributes, &made)
        guard let buffer = made else { throw PortsError.size(tensor: tensor.name) }
        CVPixelBufferLockBaseAddress(buffer, [])
        defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
        let memory = CVPixelBufferGetBaseAddress(buffer)!.assumingMemoryBound(to: UInt8.self)
        let row = CVPixelBufferGetBytesPerRow(buffer)
        for pixel in 0..<(tensor.height * tensor.width) {
            let line = pixel / tensor.width * row
            if isGray {
                memory[line + pixel % tensor.width] = levels[pixel]
                continue
            }
            let place = line + pixel % tensor.width * 4
            for channel in 0..<3 { memory[place + 2 - channel] = levels[pixel * 3 + channel] }
            memory[place + 3] = 255
        }
        return buffer
    }

    private static func levels(_ buffer: CVPixelBuffer, _ tensor: Tensor) -> [UInt8] {
        CVPixelBufferLockBaseAddress(buffer, .readOnly)
        defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
        let memory = CVPixelBufferGetBaseAddress(buffer)!.assumingMemoryBound(to: UInt8.self)
        let row = CVPixelBufferGetBytesPerRow(buffer)
        return (0..<tensor.count).map { index in
            let pixel = index / tensor.channels
            let line = pixel / tensor.width * row
            if tensor.channels == 1 { return memory[line + pixel % tensor.width] }
            return memory[line + pixel % tensor.width * 4 + 2 - index % 3]
        }
    }
}
