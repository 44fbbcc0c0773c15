package clearhead.tokenizer.template;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/// Names and what they stand for, inside the names around; and what is left of the limits.
final class Frame {
    /// What all frames of one rendering share.
    private static final class Work {
        final Limits limits;
        final long deadline;
        long steps;
        int depth;
        StringBuilder out = new StringBuilder();

        Work(Limits limits) {
            this.limits = limits;
            this.deadline = System.nanoTime() + limits.time().toNanos();
        }
    }

    private final Work work;
    private final Optional<Frame> outer;
    private final Map<String, Value> names = new HashMap<>();

    private Frame(Work work, Optional<Frame> outer) {
        this.work = work;
        this.outer = outer;
    }

    static Frame outermost(Limits limits) {
        return new Frame(new Work(limits), Optional.empty());
    }

    Frame inner() {
        return new Frame(work, Optional.of(this));
    }

    Value get(String name) {
        for (Optional<Frame> frame = Optional.of(this); frame.isPresent(); frame = frame.get().outer) {
            Value value = frame.get().names.get(name);
            if (value != null) {
                return value;
            }
        }
        return new Value.Undefined(name);
    }

    void set(String name, Value value) {
        names.put(name, value);
    }

    /// One more thing done.
    void step() {
        work.steps++;
        if (work.steps > work.limits.steps()) {
            throw new TemplateException("the template goes on after " + work.limits.steps() + " steps");
        }
        if ((work.steps & 1023) == 0 && System.nanoTime() > work.deadline) {
            throw new TemplateException("the template goes on after " + work.limits.time());
        }
    }

    void enter() {
        step();
        if (++work.depth > work.limits.nesting()) {
            throw new TemplateException("calls and loops are nested deeper than " + work.limits.nesting());
        }
    }

    void leave() {
        work.depth--;
    }

    void write(String text) {
        fits((long) work.out.length() + text.length());
        work.out.append(text);
    }

    /// Refuses a text or list of more characters or elements than the limit.
    void fits(long size) {
        if (size > work.limits.characters()) {
            throw new TemplateException("a text or list grows beyond " + work.limits.characters() + " elements");
        }
    }

    /// What a body writes, into a text of its own.
    String captured(Consumer<Frame> body) {
        StringBuilder before = work.out;
        work.out = new StringBuilder();
        try {
            body.accept(inner());
            return work.out.toString();
        } finally {
            work.out = before;
        }
    }

    String written() {
        return work.out.toString();
    }
}
