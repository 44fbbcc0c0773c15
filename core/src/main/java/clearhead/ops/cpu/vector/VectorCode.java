package clearhead.ops.cpu.vector;

import static java.lang.constant.ConstantDescs.CD_float;
import static java.lang.constant.ConstantDescs.CD_int;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/// Bytecode of Vector API calls. What a loop runs each time is written out and not called: the
/// compiler may or may not inline a method of our own, depending on what it has compiled before.
class VectorCode {
    static final ClassDesc ROW = ClassDesc.of(ScoreRow.class.getName());
    static final ClassDesc LANES = ClassDesc.of(Lanes.class.getName());
    static final ClassDesc FLOATS = ClassDesc.of(FloatVector.class.getName());
    static final ClassDesc INTS = ClassDesc.of(IntVector.class.getName());
    static final ClassDesc VECTOR = ClassDesc.of(Vector.class.getName());
    static final ClassDesc MASK = ClassDesc.of(VectorMask.class.getName());
    static final ClassDesc SPECIES = ClassDesc.of(VectorSpecies.class.getName());
    static final ClassDesc MEMORY = ClassDesc.of(MemorySegment.class.getName());
    static final ClassDesc ORDER = ClassDesc.of(ByteOrder.class.getName());
    static final ClassDesc OPERATORS = ClassDesc.of(VectorOperators.class.getName());
    static final ClassDesc COMPARISON = OPERATORS.nested("Comparison");
    static final ClassDesc CONVERSION = OPERATORS.nested("Conversion");
    static final ClassDesc BINARY = OPERATORS.nested("Binary");
    static final ClassDesc UNARY = OPERATORS.nested("Unary");
    static final ClassDesc SHUFFLE = ClassDesc.of(VectorShuffle.class.getName());
    static final ClassDesc MATH = ClassDesc.of(Math.class.getName());

    final CodeBuilder code;

    VectorCode(CodeBuilder code) {
        this.code = code;
    }

    void operator(String name, ClassDesc type) {
        code.getstatic(OPERATORS, name, type);
    }

    final void species(String field) {
        code.getstatic(LANES, field, SPECIES);
    }

    final void order() {
        code.getstatic(LANES, "ORDER", ORDER);
    }

    final int stored() {
        int local = code.allocateLocal(TypeKind.REFERENCE);
        code.astore(local);
        return local;
    }

    final void broadcast(float constant) {
        species("FLOATS");
        code.loadConstant(constant);
        code.invokestatic(FLOATS, "broadcast", MethodTypeDesc.of(FLOATS, SPECIES, CD_float));
    }

    /// On the stack, a·b + c with a on it.
    final void fma(int b, Runnable c) {
        code.aload(b);
        c.run();
        code.invokevirtual(FLOATS, "fma", MethodTypeDesc.of(FLOATS, VECTOR, VECTOR));
    }

    /// Leaves a polynomial of a local on the stack, coefficients from the highest power on.
    final void polynomial(int x, float... coefficients) {
        broadcast(coefficients[0]);
        for (int i = 1; i < coefficients.length; i++) {
            float coefficient = coefficients[i];
            fma(x, () -> broadcast(coefficient));
        }
    }

    final void floats(String method) {
        code.invokevirtual(FLOATS, method, MethodTypeDesc.of(FLOATS, VECTOR));
    }

    /// On the stack, `instead` in the lanes of a local that compare so with `bound`.
    final void blend(float instead, int of, String comparison, float bound) {
        code.loadConstant(instead);
        code.aload(of);
        operator(comparison, COMPARISON);
        code.loadConstant(bound);
        code.invokevirtual(FLOATS, "compare", MethodTypeDesc.of(MASK, COMPARISON, CD_float));
        code.invokevirtual(FLOATS, "blend", MethodTypeDesc.of(FLOATS, CD_float, MASK));
    }

    /// As [Transcendental#tanh], written out.
    final void tanh(int x) {
        code.aload(x);
        blend(9f, x, "GT", 9f);
        blend(-9f, x, "LT", -9f);
        int c = stored();
        code.aload(c).aload(c);
        floats("mul");
        int y = stored();
        code.aload(c);
        polynomial(y, Transcendental.TANH_P);
        floats("mul");
        polynomial(y, Transcendental.TANH_Q);
        floats("div");
        int t = stored();
        code.aload(t);
        blend(1f, t, "GT", 1f);
        blend(-1f, t, "LT", -1f);
    }

    /// As [Transcendental#exp], written out.
    final void exp(int x) {
        code.aload(x);
        species("FLOATS");
        code.loadConstant(Transcendental.LOG2_E);
        code.invokestatic(FLOATS, "broadcast", MethodTypeDesc.of(FLOATS, SPECIES, CD_float));
        broadcast(Transcendental.ROUND);
        code.invokevirtual(FLOATS, "fma", MethodTypeDesc.of(FLOATS, VECTOR, VECTOR));
        int shifted = stored();
        code.aload(shifted);
        broadcast(Transcendental.ROUND);
        floats("sub");
        int n = stored();
        code.aload(n);
        broadcast(-Transcendental.LN2_LOW);
        code.aload(n);
        broadcast(-Transcendental.LN2_HIGH);
        code.aload(x);
        code.invokevirtual(FLOATS, "fma", MethodTypeDesc.of(FLOATS, VECTOR, VECTOR));
        code.invokevirtual(FLOATS, "fma", MethodTypeDesc.of(FLOATS, VECTOR, VECTOR));
        int r = stored();
        polynomial(r, Transcendental.EXP_P);
        code.aload(r).aload(r);
        floats("mul");
        code.aload(r);
        code.invokevirtual(FLOATS, "fma", MethodTypeDesc.of(FLOATS, VECTOR, VECTOR));
        broadcast(1);
        floats("add");
        int p = stored();
        code.aload(shifted).invokevirtual(FLOATS, "reinterpretAsInts", MethodTypeDesc.of(INTS));
        operator("LSHL", BINARY);
        code.loadConstant(23);
        code.invokevirtual(INTS, "lanewise", MethodTypeDesc.of(INTS, BINARY, CD_int));
        code.aload(p).invokevirtual(FLOATS, "reinterpretAsInts", MethodTypeDesc.of(INTS));
        integers("add");
        code.invokevirtual(INTS, "reinterpretAsFloats", MethodTypeDesc.of(FLOATS));
        blend(0, x, "LT", Transcendental.LOWEST);
        blend(Float.POSITIVE_INFINITY, x, "GT", Transcendental.HIGHEST);
        code.aload(x).aload(x);
        operator("NE", COMPARISON);
        code.aload(x).invokevirtual(FLOATS, "compare", MethodTypeDesc.of(MASK, COMPARISON, VECTOR));
        code.invokevirtual(FLOATS, "blend", MethodTypeDesc.of(FLOATS, VECTOR, MASK));
    }

    final void integers(String method) {
        code.invokevirtual(INTS, method, MethodTypeDesc.of(INTS, VECTOR));
    }
}
