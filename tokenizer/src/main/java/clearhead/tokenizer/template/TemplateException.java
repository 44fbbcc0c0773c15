package clearhead.tokenizer.template;

import clearhead.tokenizer.TokenizerException;

/// A template that cannot be read or rendered, or that refuses its input by `raise_exception`.
public final class TemplateException extends TokenizerException {
    private static final long serialVersionUID = 1;

    private final boolean raised;

    TemplateException(String message) {
        this(message, false);
    }

    TemplateException(String message, boolean raised) {
        super(message);
        this.raised = raised;
    }

    /// With the line that it happened in, unless the message names one already.
    TemplateException at(int line) {
        String text = String.valueOf(getMessage());
        if (raised || text.startsWith("line ")) {
            return this;
        }
        var located = new TemplateException("line " + line + ": " + text);
        located.setStackTrace(getStackTrace());
        return located;
    }

    /// Whether the template itself refused, by `raise_exception`.
    public boolean isRaised() {
        return raised;
    }
}
