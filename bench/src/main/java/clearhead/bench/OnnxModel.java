package clearhead.bench;

import clearhead.measure.AttentionWork;
import clearhead.ops.Mask;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/// An ONNX model of one node, Attention of opset 23, as the bytes of its protobuf message. Field numbers
/// are those of onnx.proto3.
final class OnnxModel {
    private static final int IR_VERSION = 10;
    private static final int OPSET = 23;
    private static final int FLOAT = 1;
    private static final int INT_ATTRIBUTE = 2;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    private OnnxModel() {}

    /// Inputs Q, K, V and output Y, each [batch, heads, tokens, headDim].
    static byte[] attention(AttentionWork work) {
        long batch = work.batch();
        var spec = work.spec();
        boolean causal = spec.mask() instanceof Mask.Causal && work.queries() > 1;
        var model = new OnnxModel();
        model.number(1, IR_VERSION);
        model.message(7, graph -> {
            graph.message(1, node -> {
                node.text(1, "Q");
                node.text(1, "K");
                node.text(1, "V");
                node.text(2, "Y");
                node.text(4, "Attention");
                node.message(5, attribute -> {
                    attribute.text(1, "is_causal");
                    attribute.number(3, causal ? 1 : 0);
                    attribute.number(20, INT_ATTRIBUTE);
                });
            });
            graph.text(2, "attention");
            graph.value(11, "Q", batch, spec.heads(), work.queries(), spec.headDim());
            graph.value(11, "K", batch, spec.kvHeads(), work.keys(), spec.headDim());
            graph.value(11, "V", batch, spec.kvHeads(), work.keys(), spec.headDim());
            graph.value(12, "Y", batch, spec.heads(), work.queries(), spec.headDim());
        });
        model.message(8, opset -> opset.number(2, OPSET));
        return model.bytes.toByteArray();
    }

    /// A ValueInfoProto: name and type of a tensor.
    private void value(int field, String name, long... dims) {
        message(field, info -> {
            info.text(1, name);
            info.message(
                    2,
                    type -> type.message(1, tensor -> {
                        tensor.number(1, FLOAT);
                        tensor.message(2, shape -> {
                            for (long dim : dims) {
                                shape.message(1, d -> d.number(1, dim));
                            }
                        });
                    }));
        });
    }

    private void number(int field, long value) {
        varint((long) field << 3);
        varint(value);
    }

    private void text(int field, String value) {
        bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    private void message(int field, Consumer<OnnxModel> content) {
        var inner = new OnnxModel();
        content.accept(inner);
        bytes(field, inner.bytes.toByteArray());
    }

    private void bytes(int field, byte[] value) {
        varint((long) field << 3 | 2);
        varint(value.length);
        bytes.writeBytes(value);
    }

    private void varint(long value) {
        long rest = value;
        while ((rest & ~0x7fL) != 0) {
            bytes.write((int) (rest & 0x7f | 0x80));
            rest >>>= 7;
        }
        bytes.write((int) rest);
    }
}
