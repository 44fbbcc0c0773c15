package clearhead.view;

import clearhead.model.Model;
import clearhead.tokenizer.Explained;
import clearhead.tokenizer.Special;
import clearhead.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The tokens that a command works on, and how to name them.
///
/// @param ids the tokens
/// @param labels one for every token
/// @param vocabulary what names other tokens, if the model has one
/// @param added how many tokens at the beginning are not in the text
public record Prompt(int[] ids, List<Label> labels, Optional<Tokenizer> vocabulary, int added) {

    /// One token as it is shown.
    ///
    /// @param text printable
    /// @param bytes what it stands for; empty where there is no vocabulary
    public record Label(int position, int id, String text, byte[] bytes, boolean special, int byteStart) {

        /// The token in the words of a sentence: `` ` student` ``.
        public String quoted() {
            return "`" + text + "`";
        }
    }

    /// The tokens of a list of ids.
    public static Prompt ofIds(int[] ids, Optional<Tokenizer> tokenizer) {
        var labels = new ArrayList<Label>();
        for (int i = 0; i < ids.length; i++) {
            labels.add(label(i, ids[i], tokenizer, -1));
        }
        return new Prompt(ids, labels, tokenizer, 0);
    }

    /// The tokens of a text.
    public static Prompt ofText(String text, Tokenizer tokenizer, Special special) {
        Explained explained = tokenizer.explain(text, special);
        var labels = new ArrayList<Label>();
        int added = 0;
        boolean inFront = true;
        for (Explained.Piece piece : explained.pieces()) {
            inFront &= piece.kind() == Explained.Kind.ADDED;
            for (Explained.Token token : piece.tokens()) {
                added += inFront ? 1 : 0;
                labels.add(new Label(
                        labels.size(),
                        token.id(),
                        name(token.bytes(), token.name(), token.special()),
                        token.bytes(),
                        token.special(),
                        token.byteStart()));
            }
        }
        return new Prompt(explained.ids(), labels, Optional.of(tokenizer), added);
    }

    private static Label label(int position, int id, Optional<Tokenizer> tokenizer, int byteStart) {
        if (tokenizer.isEmpty() || id < 0 || id >= tokenizer.get().size()) {
            return new Label(position, id, "#" + id, new byte[0], false, byteStart);
        }
        Tokenizer t = tokenizer.get();
        byte[] bytes = t.tokenBytes(id);
        return new Label(
                position, id, name(bytes, t.tokenName(id), t.isSpecial(id)), bytes, t.isSpecial(id), byteStart);
    }

    private static String name(byte[] bytes, String name, boolean special) {
        return special ? Printable.text(name.getBytes(StandardCharsets.UTF_8)) : Printable.text(bytes);
    }

    /// The same text with some of its tokens swapped.
    ///
    /// @param swapped as many ids as there are
    public Prompt with(int[] swapped) {
        var names = new ArrayList<Label>();
        for (Label l : labels) {
            int id = swapped[l.position()];
            names.add(id == l.id() ? l : label(l.position(), id, vocabulary, -1));
        }
        return new Prompt(swapped, List.copyOf(names), vocabulary, added);
    }

    /// A token of the vocabulary that is not in the text.
    public Label label(int id) {
        return label(-1, id, vocabulary, -1);
    }

    /// These tokens, if the model can read them.
    public Prompt checked(Model model) {
        int vocab = model.transformer().vocab();
        if (ids.length == 0) {
            throw new RefusedInput("no tokens: the text gives none; give at least one word, or ids");
        }
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= vocab) {
                throw new RefusedInput("token " + i + " has the id " + ids[i] + "; ids of model " + model.name()
                        + " are 0 to " + (vocab - 1));
            }
        }
        int context = model.transformer().context();
        if (ids.length > context) {
            Label first = labels.get(context);
            throw new RefusedInput("the text has " + ids.length + " tokens, the context of model "
                    + model.name() + " holds " + context + ": token " + context + " ("
                    + first.quoted()
                    + (first.byteStart < 0 ? "" : ", at byte " + first.byteStart + " of the text")
                    + ") is the first that does not fit; leave out "
                    + (ids.length - context) + " tokens, or use a model with a longer context");
        }
        return this;
    }
}
