"""ONNX models for dovetail."""
