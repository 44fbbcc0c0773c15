package clearhead.ops.cpu.vector;

import static java.lang.constant.ConstantDescs.CD_double;
import static java.lang.constant.ConstantDescs.CD_float;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import clearhead.ops.KvView;
import clearhead.ops.score.Condition;
import clearhead.ops.score.Index;
import clearhead.ops.score.ScoreRule;
import clearhead.ops.score.Table;
import clearhead.ops.score.Value;
import clearhead.tensor.DType;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.DynamicConstantDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Writes a class for a score function: a loop over the 64 scores of a row, a vector at a time, whose
/// body is the expression in Vector API calls. Being a class of its own, it is compiled for this
/// expression alone, with the captured tables as constants.
///
/// What is the same for all keys of a row is computed with plain numbers. Subexpressions that occur
/// twice are computed once. Both sides of a choice that differs from key to key are computed, and
/// lanes that did not choose a side may not fail in it.
final class ScoreCompiler {
    private final List<MemorySegment> tables = new ArrayList<>();

    private ScoreCompiler() {}

    static ScoreRow.Compiled compile(ScoreRule.Traced rule) {
        var compiler = new ScoreCompiler();
        ClassDesc name = ClassDesc.of(ScoreRow.class.getPackageName() + ".CompiledScore");
        byte[] bytes = ClassFile.of().build(name, type -> {
            type.withFlags(ClassFile.ACC_FINAL | ClassFile.ACC_SUPER);
            type.withSuperclass(VectorCode.ROW);
            type.withMethodBody(
                    ConstantDescs.INIT_NAME,
                    MethodTypeDesc.of(CD_void),
                    0,
                    code -> code.aload(0)
                            .invokespecial(VectorCode.ROW, ConstantDescs.INIT_NAME, MethodTypeDesc.of(CD_void))
                            .return_());
            type.withMethodBody(
                    "values",
                    MethodTypeDesc.of(CD_void, VectorCode.MEMORY, CD_long, CD_long, CD_int, CD_int, CD_int, CD_int),
                    0,
                    code -> compiler.new Body(code, false).write(rule));
            type.withMethodBody(
                    "slopes",
                    MethodTypeDesc.of(
                            CD_void, VectorCode.MEMORY, CD_long, CD_long, CD_long, CD_int, CD_int, CD_int, CD_int),
                    0,
                    code -> compiler.new Body(code, true).write(rule));
        });
        try {
            List<MemorySegment> captured = List.copyOf(compiler.tables);
            var hidden = MethodHandles.lookup().defineHiddenClassWithClassData(bytes, captured, true);
            var row = (ScoreRow) hidden.findConstructor(hidden.lookupClass(), MethodType.methodType(void.class))
                    .invoke();
            return new ScoreRow.Compiled(row, captured);
        } catch (Throwable e) {
            throw new IllegalStateException("a score function could not be compiled: " + rule.value(), e);
        }
    }

    /// What is known by name at a place in the code: locals of expressions computed before.
    private static final class Scope {
        final Map<Object, Integer> known;
        final int active;

        /// @param active local of the lanes, a long, whose results are used
        Scope(Map<Object, Integer> known, int active) {
            this.known = known;
            this.active = active;
        }

        Scope inner(int activeLanes) {
            // A table that was read for other lanes was not checked for these.
            var kept = new HashMap<>(known);
            kept.keySet().removeIf(ScoreAnalysis::reads);
            return new Scope(kept, activeLanes);
        }
    }

    /// The body of one method.
    private final class Body extends VectorCode {
        private final boolean withSlopes;
        private final int memory;
        private final int at;
        private final int visible;
        private final int sequence;
        private final int head;
        private final int query;
        private final int key;
        private final int offset;
        private final int keyHere;

        Body(CodeBuilder code, boolean withSlopes) {
            super(code);
            this.withSlopes = withSlopes;
            int next = withSlopes ? 1 : 0;
            memory = code.parameterSlot(0);
            at = code.parameterSlot(1);
            visible = code.parameterSlot(2 + next);
            sequence = code.parameterSlot(3 + next);
            head = code.parameterSlot(4 + next);
            query = code.parameterSlot(5 + next);
            key = code.parameterSlot(6 + next);
            offset = code.allocateLocal(TypeKind.INT);
            keyHere = code.allocateLocal(TypeKind.INT);
        }

        /// for (offset = 0; offset < 64; offset += COUNT) …
        void write(ScoreRule.Traced rule) {
            Label loop = code.newLabel();
            Label next = code.newLabel();
            Label end = code.newLabel();
            code.iconst_0().istore(offset).labelBinding(loop);
            code.iload(offset).loadConstant(KvView.PAGE).if_icmpge(end);
            int active = code.allocateLocal(TypeKind.LONG);
            code.lload(visible)
                    .iload(offset)
                    .lushr()
                    .loadConstant((1L << Lanes.COUNT) - 1)
                    .land()
                    .lstore(active);
            code.lload(active).lconst_0().lcmp().ifeq(next);
            code.iload(key).iload(offset).iadd().istore(keyHere);
            var scope = new Scope(new HashMap<>(), active);
            int score = code.allocateLocal(TypeKind.REFERENCE);
            species("FLOATS");
            code.aload(memory);
            address(at);
            order();
            code.invokestatic(FLOATS, "fromMemorySegment", MethodTypeDesc.of(FLOATS, SPECIES, MEMORY, CD_long, ORDER));
            code.astore(score);
            scope.known.put(Value.SCORE, score);
            int result = vector(rule.value(), scope);
            failIfNan(score, result, active);
            if (withSlopes) {
                store(vector(rule.slope(), scope), code.parameterSlot(2));
            }
            store(result, at);
            code.labelBinding(next);
            code.iinc(offset, Lanes.COUNT).goto_(loop).labelBinding(end).return_();
        }

        /// The helper is called only where there is a NaN: what is always run is written out here, for
        /// the compiler may or may not inline a call, depending on what it has compiled before.
        private void failIfNan(int before, int after, int active) {
            Label fine = code.newLabel();
            code.aload(after);
            operator("NE", COMPARISON);
            code.aload(after).invokevirtual(FLOATS, "compare", MethodTypeDesc.of(MASK, COMPARISON, VECTOR));
            code.invokevirtual(MASK, "anyTrue", MethodTypeDesc.of(ConstantDescs.CD_boolean));
            code.ifeq(fine);
            code.aload(before).aload(after).lload(active);
            place();
            code.invokestatic(
                    ROW,
                    "checked",
                    MethodTypeDesc.of(CD_void, FLOATS, FLOATS, CD_long, CD_int, CD_int, CD_int, CD_int));
            code.labelBinding(fine);
        }

        /// base + 4·offset
        private void address(int base) {
            code.lload(base).iload(offset).iconst_4().imul().i2l().ladd();
        }

        private void store(int vector, int base) {
            code.aload(vector).aload(memory);
            address(base);
            order();
            code.invokevirtual(FLOATS, "intoMemorySegment", MethodTypeDesc.of(CD_void, MEMORY, CD_long, ORDER));
        }

        private void place() {
            code.iload(sequence).iload(head).iload(query).iload(keyHere);
        }

        private int kept(Scope scope, Object expression, TypeKind kind) {
            int local = code.allocateLocal(kind);
            code.storeLocal(kind, local);
            scope.known.put(expression, local);
            return local;
        }

        /// Local of a FloatVector.
        private int vector(Value value, Scope scope) {
            Integer known = scope.known.get(value);
            if (known != null) {
                return known;
            }
            if (!ScoreAnalysis.varies(value)) {
                int number = number(value, scope);
                species("FLOATS");
                code.fload(number).invokestatic(FLOATS, "broadcast", MethodTypeDesc.of(FLOATS, SPECIES, CD_float));
                return kept(scope, value, TypeKind.REFERENCE);
            }
            switch (value) {
                case Value.Score(), Value.Constant _ -> throw new IllegalStateException(value.toString());
                case Value.OfIndex(Index index) -> {
                    code.aload(vector(index, scope));
                    operator("I2F", CONVERSION);
                    code.iconst_0();
                    code.invokevirtual(INTS, "convert", MethodTypeDesc.of(VECTOR, CONVERSION, CD_int));
                    code.checkcast(FLOATS);
                }
                case Value.Load(Table table, List<Index> indices) -> load(table, indices, FLOATS, "floats", scope);
                case Value.Unary(Value.Function function, Value x) -> {
                    int argument = vector(x, scope);
                    switch (function) {
                        case EXP -> exp(argument);
                        case TANH -> tanh(argument);
                        case LOG, SQRT -> {
                            code.aload(argument);
                            operator(function.name(), UNARY);
                            code.invokevirtual(FLOATS, "lanewise", MethodTypeDesc.of(FLOATS, UNARY));
                        }
                    }
                }
                case Value.Binary(Value.Operation operation, Value a, Value b) -> {
                    int left = vector(a, scope);
                    int right = vector(b, scope);
                    String method = switch (operation) {
                        case PLUS -> "add";
                        case MINUS -> "sub";
                        case TIMES -> "mul";
                        case OVER -> "div";
                        case MIN -> "min";
                        case MAX -> "max";
                    };
                    code.aload(left).aload(right);
                    code.invokevirtual(FLOATS, method, MethodTypeDesc.of(FLOATS, VECTOR));
                }
                case Value.Choose(Condition condition, Value then, Value otherwise) -> {
                    if (ScoreAnalysis.varies(condition)) {
                        int mask = mask(condition, scope);
                        int left = vector(then, scope.inner(activeWhere(mask, false, scope)));
                        int right = vector(otherwise, scope.inner(activeWhere(mask, true, scope)));
                        code.aload(right).aload(left).aload(mask);
                        code.invokevirtual(FLOATS, "blend", MethodTypeDesc.of(FLOATS, VECTOR, MASK));
                    } else {
                        choose(
                                condition,
                                scope,
                                inner -> code.aload(vector(then, inner)),
                                inner -> code.aload(vector(otherwise, inner)));
                    }
                }
            }
            return kept(scope, value, TypeKind.REFERENCE);
        }

        /// Local of the active lanes for which a mask holds, or does not.
        private int activeWhere(int mask, boolean not, Scope scope) {
            code.lload(scope.active).aload(mask);
            if (not) {
                code.invokevirtual(MASK, "not", MethodTypeDesc.of(MASK));
            }
            code.invokevirtual(MASK, "toLong", MethodTypeDesc.of(CD_long)).land();
            int local = code.allocateLocal(TypeKind.LONG);
            code.lstore(local);
            return local;
        }

        /// Leaves what one of two pieces of code leaves on the stack.
        private void choose(
                Condition condition,
                Scope scope,
                java.util.function.Consumer<Scope> then,
                java.util.function.Consumer<Scope> otherwise) {
            Label no = code.newLabel();
            Label end = code.newLabel();
            code.iload(truth(condition, scope)).ifeq(no);
            then.accept(scope.inner(scope.active));
            code.goto_(end).labelBinding(no);
            otherwise.accept(scope.inner(scope.active));
            code.labelBinding(end);
        }

        /// Local of an IntVector.
        private int vector(Index index, Scope scope) {
            Integer known = scope.known.get(index);
            if (known != null) {
                return known;
            }
            if (!ScoreAnalysis.varies(index)) {
                int number = number(index, scope);
                species("INTS");
                code.iload(number).invokestatic(INTS, "broadcast", MethodTypeDesc.of(INTS, SPECIES, CD_int));
                return kept(scope, index, TypeKind.REFERENCE);
            }
            switch (index) {
                case Index.Axis _ -> {
                    code.getstatic(ROW, "STEPS", INTS).iload(keyHere);
                    code.invokevirtual(INTS, "add", MethodTypeDesc.of(INTS, CD_int));
                }
                case Index.Constant _ -> throw new IllegalStateException(index.toString());
                case Index.Binary(Index.Operation operation, Index a, Index b) -> {
                    int left = vector(a, scope);
                    int right = vector(b, scope);
                    code.aload(left).aload(right);
                    switch (operation) {
                        case PLUS -> integers("add");
                        case MINUS -> integers("sub");
                        case TIMES -> integers("mul");
                        case MIN -> integers("min");
                        case MAX -> integers("max");
                        case OVER -> code.invokestatic(ROW, "floorDiv", MethodTypeDesc.of(INTS, INTS, INTS));
                        case MOD -> code.invokestatic(ROW, "floorMod", MethodTypeDesc.of(INTS, INTS, INTS));
                    }
                }
                case Index.Load(Table table, List<Index> indices) -> load(table, indices, INTS, "ints", scope);
            }
            return kept(scope, index, TypeKind.REFERENCE);
        }

        /// Leaves a vector of table elements on the stack: read at once where the lanes lie side by
        /// side, else lane by lane.
        private void load(Table table, List<Index> at, ClassDesc type, String method, Scope scope) {
            int last = at.size() - 1;
            int step = ScoreAnalysis.step(at.get(last));
            boolean straight = step != 0 && at.subList(0, last).stream().noneMatch(ScoreAnalysis::varies);
            Label scattered = code.newLabel();
            Label end = code.newLabel();
            if (straight) {
                int size = table.tensor().dim(last);
                int first = number(at.get(last), new Scope(new HashMap<>(), scope.active));
                code.iload(first).loadConstant(step).loadConstant(size);
                code.invokestatic(ROW, "inside", MethodTypeDesc.of(ConstantDescs.CD_boolean, CD_int, CD_int, CD_int));
                code.ifeq(scattered);
                species(type.equals(INTS) ? "INTS" : "FLOATS");
                segment(table, type);
                outer(table, at, last, scope);
                code.i2l().loadConstant((long) size).lmul().iload(first).i2l().ladd();
                code.loadConstant(step > 0 ? 0L : Lanes.COUNT - 1L)
                        .lsub()
                        .loadConstant(4L)
                        .lmul();
                order();
                code.invokestatic(type, "fromMemorySegment", MethodTypeDesc.of(type, SPECIES, MEMORY, CD_long, ORDER));
                if (step < 0) {
                    code.getstatic(ROW, type.equals(INTS) ? "REVERSED_INTS" : "REVERSED", SHUFFLE);
                    code.invokevirtual(type, "rearrange", MethodTypeDesc.of(type, SHUFFLE));
                }
                code.goto_(end);
            }
            code.labelBinding(scattered);
            // one scope of its own: what is computed here is not known on the other way
            var inner = scope.inner(scope.active);
            var elements = new int[at.size()];
            for (int axis = 0; axis < elements.length; axis++) {
                elements[axis] = vector(at.get(axis), inner);
            }
            segment(table, type);
            for (int axis = 0; axis < elements.length; axis++) {
                if (axis > 0) {
                    species("INTS");
                    code.loadConstant(table.tensor().dim(axis));
                    code.invokestatic(INTS, "broadcast", MethodTypeDesc.of(INTS, SPECIES, CD_int));
                    integers("mul");
                }
                code.aload(elements[axis])
                        .loadConstant(table.tensor().dim(axis))
                        .loadConstant(axis);
                code.lload(scope.active);
                place();
                code.invokestatic(
                        ROW,
                        "within",
                        MethodTypeDesc.of(INTS, INTS, CD_int, CD_int, CD_long, CD_int, CD_int, CD_int, CD_int));
                if (axis > 0) {
                    integers("add");
                }
            }
            code.invokestatic(ROW, method, MethodTypeDesc.of(type, MEMORY, INTS));
            code.labelBinding(end);
        }

        /// Leaves the row-major number of the first axes on the stack, an int; 0 for none.
        private void outer(Table table, List<Index> at, int axes, Scope scope) {
            var numbers = new int[axes];
            for (int axis = 0; axis < axes; axis++) {
                numbers[axis] = number(at.get(axis), new Scope(new HashMap<>(), scope.active));
            }
            code.iconst_0();
            for (int axis = 0; axis < axes; axis++) {
                code.loadConstant(table.tensor().dim(axis)).imul();
                code.iload(numbers[axis]).loadConstant(table.tensor().dim(axis)).loadConstant(axis);
                code.lload(scope.active);
                place();
                code.invokestatic(
                        ROW,
                        "within",
                        MethodTypeDesc.of(CD_int, CD_int, CD_int, CD_int, CD_long, CD_int, CD_int, CD_int, CD_int));
                code.iadd();
            }
        }

        private void segment(Table table, ClassDesc type) {
            DType wanted = type.equals(INTS) ? DType.I32 : DType.F32;
            if (table.tensor().type() != wanted || table.tensor().size() > Integer.MAX_VALUE) {
                throw new IllegalArgumentException("the vector backend reads captured tables of F32 (I32 for indices)"
                        + " with fewer than 2^31 elements, got " + table.tensor() + "; convert it first");
            }
            tables.add(table.tensor().data());
            code.loadConstant(DynamicConstantDesc.ofNamed(
                    ConstantDescs.BSM_CLASS_DATA_AT, ConstantDescs.DEFAULT_NAME, MEMORY, tables.size() - 1));
        }

        /// Local of a float, of a value that does not vary.
        private int number(Value value, Scope scope) {
            var expression = new ScoreAnalysis.Plain(value);
            Integer known = scope.known.get(expression);
            if (known != null) {
                return known;
            }
            switch (value) {
                case Value.Score() -> throw new IllegalStateException(value.toString());
                case Value.Constant(double constant) -> code.loadConstant((float) constant);
                case Value.OfIndex(Index index) ->
                    code.iload(number(index, scope)).i2f();
                case Value.Load(Table table, List<Index> at) -> {
                    segment(table, FLOATS);
                    outer(table, at, at.size(), scope);
                    code.invokestatic(ROW, "element", MethodTypeDesc.of(CD_float, MEMORY, CD_int));
                }
                case Value.Unary(Value.Function function, Value x) -> {
                    code.fload(number(x, scope)).f2d();
                    String method = switch (function) {
                        case EXP -> "exp";
                        case LOG -> "log";
                        case SQRT -> "sqrt";
                        case TANH -> "tanh";
                    };
                    code.invokestatic(MATH, method, MethodTypeDesc.of(CD_double, CD_double))
                            .d2f();
                }
                case Value.Binary(Value.Operation operation, Value a, Value b) -> {
                    int left = number(a, scope);
                    int right = number(b, scope);
                    code.fload(left).fload(right);
                    switch (operation) {
                        case PLUS -> code.fadd();
                        case MINUS -> code.fsub();
                        case TIMES -> code.fmul();
                        case OVER -> code.fdiv();
                        case MIN -> code.invokestatic(MATH, "min", MethodTypeDesc.of(CD_float, CD_float, CD_float));
                        case MAX -> code.invokestatic(MATH, "max", MethodTypeDesc.of(CD_float, CD_float, CD_float));
                    }
                }
                case Value.Choose(Condition condition, Value then, Value otherwise) ->
                    choose(
                            condition,
                            scope,
                            inner -> code.fload(number(then, inner)),
                            inner -> code.fload(number(otherwise, inner)));
            }
            return kept(scope, expression, TypeKind.FLOAT);
        }

        /// Local of an int: the index at the first key of the vector.
        private int number(Index index, Scope scope) {
            var expression = new ScoreAnalysis.Plain(index);
            Integer known = scope.known.get(expression);
            if (known != null) {
                return known;
            }
            switch (index) {
                case Index.Axis(Index.AxisName name) -> {
                    return switch (name) {
                        case BATCH -> sequence;
                        case HEAD -> head;
                        case QUERY -> query;
                        case KEY -> keyHere;
                    };
                }
                case Index.Constant(int constant) -> code.loadConstant(constant);
                case Index.Binary(Index.Operation operation, Index a, Index b) -> {
                    int left = number(a, scope);
                    int right = number(b, scope);
                    code.iload(left).iload(right);
                    switch (operation) {
                        case PLUS -> code.iadd();
                        case MINUS -> code.isub();
                        case TIMES -> code.imul();
                        case OVER -> numbers("floorDiv");
                        case MOD -> numbers("floorMod");
                        case MIN -> numbers("min");
                        case MAX -> numbers("max");
                    }
                }
                case Index.Load(Table table, List<Index> at) -> {
                    segment(table, INTS);
                    outer(table, at, at.size(), scope);
                    code.invokestatic(ROW, "intElement", MethodTypeDesc.of(CD_int, MEMORY, CD_int));
                }
            }
            return kept(scope, expression, TypeKind.INT);
        }

        private void numbers(String method) {
            code.invokestatic(MATH, method, MethodTypeDesc.of(CD_int, CD_int, CD_int));
        }

        /// Local of a VectorMask of floats.
        private int mask(Condition condition, Scope scope) {
            Integer known = scope.known.get(condition);
            if (known != null) {
                return known;
            }
            switch (condition) {
                case Condition.Compare(Index a, Index b) -> {
                    int left = vector(a, scope);
                    int right = vector(b, scope);
                    code.aload(left);
                    operator("LE", COMPARISON);
                    code.aload(right).invokevirtual(INTS, "compare", MethodTypeDesc.of(MASK, COMPARISON, VECTOR));
                    species("FLOATS");
                    code.invokevirtual(MASK, "cast", MethodTypeDesc.of(MASK, SPECIES));
                }
                case Condition.CompareValues(Value a, Value b) -> {
                    int left = vector(a, scope);
                    int right = vector(b, scope);
                    code.aload(left);
                    operator("LE", COMPARISON);
                    code.aload(right).invokevirtual(FLOATS, "compare", MethodTypeDesc.of(MASK, COMPARISON, VECTOR));
                }
                case Condition.And(Condition a, Condition b) -> {
                    int left = mask(a, scope);
                    int right = mask(b, scope);
                    code.aload(left).aload(right).invokevirtual(MASK, "and", MethodTypeDesc.of(MASK, MASK));
                }
                case Condition.Not(Condition a) ->
                    code.aload(mask(a, scope)).invokevirtual(MASK, "not", MethodTypeDesc.of(MASK));
            }
            return kept(scope, condition, TypeKind.REFERENCE);
        }

        /// Local of an int that is 1 or 0, of a condition that does not vary.
        private int truth(Condition condition, Scope scope) {
            switch (condition) {
                case Condition.Compare(Index a, Index b) -> {
                    int left = number(a, scope);
                    int right = number(b, scope);
                    code.iload(left)
                            .iload(right)
                            .ifThenElse(
                                    java.lang.classfile.Opcode.IF_ICMPLE, CodeBuilder::iconst_1, CodeBuilder::iconst_0);
                }
                case Condition.CompareValues(Value a, Value b) -> {
                    int left = number(a, scope);
                    int right = number(b, scope);
                    code.fload(left)
                            .fload(right)
                            .fcmpg()
                            .ifThenElse(java.lang.classfile.Opcode.IFLE, CodeBuilder::iconst_1, CodeBuilder::iconst_0);
                }
                case Condition.And(Condition a, Condition b) -> {
                    int left = truth(a, scope);
                    int right = truth(b, scope);
                    code.iload(left).iload(right).iand();
                }
                case Condition.Not(Condition a) ->
                    code.iload(truth(a, scope)).iconst_1().ixor();
            }
            int local = code.allocateLocal(TypeKind.INT);
            code.istore(local);
            return local;
        }
    }
}
