// As much of Core ML as the code of bundles calls, with the published types, to compile it with.
import CoreVideo
@_exported import Foundation

public enum MLComputeUnits { case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine }

public final class MLModelConfiguration {
    public init() {}
    public var computeUnits: MLComputeUnits = .all
}

public enum MLMultiArrayDataType { case float32 }

public final class MLMultiArray {
    public init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {}
    public var dataPointer: UnsafeMutableRawPointer { fatalError() }
    public var strides: [NSNumber] { [] }
}

public struct MLFeatureValue {
    public init(pixelBuffer: CVPixelBuffer) {}
    public init(multiArray: MLMultiArray) {}
    public var imageBufferValue: CVPixelBuffer? { nil }
    public var multiArrayValue: MLMultiArray? { nil }
}

public protocol MLFeatureProvider {
    func featureValue(for name: String) -> MLFeatureValue?
}

public final class MLDictionaryFeatureProvider: MLFeatureProvider {
    public init(dictionary: [String: Any]) throws {}
    public func featureValue(for name: String) -> MLFeatureValue? { nil }
}

public final class MLModel {
    public init(contentsOf url: URL, configuration: MLModelConfiguration) throws {}
    public func prediction(from input: MLFeatureProvider) throws -> MLFeatureProvider {
        fatalError()
    }
}

public func autoreleasepool<Result>(invoking body: () throws -> Result) rethrows -> Result {
    try body()
}
