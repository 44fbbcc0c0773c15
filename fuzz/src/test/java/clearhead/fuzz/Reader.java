package clearhead.fuzz;

import clearhead.io.Checkpoint;
import clearhead.io.Gguf;
import clearhead.io.Json;
import clearhead.io.Llama2c;
import clearhead.io.Safetensors;
import clearhead.io.SentencePieceFile;
import clearhead.model.Architecture;
import clearhead.model.Config;
import clearhead.tensor.Tensor;
import clearhead.tokenizer.Tokenizer;
import clearhead.tokenizer.Tokenizers;
import clearhead.tokenizer.template.Template;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/// What is done with a file that may hold anything, for each kind of file.
enum Reader {
    SAFETENSORS(".safetensors", 10) {
        @Override
        void read(Path file) {
            touch(Safetensors.open(file));
        }
    },
    SHARDS(".safetensors.index.json", 10) {
        @Override
        void read(Path file) {
            touch(Safetensors.open(file));
        }
    },
    GGUF(".gguf", 10) {
        @Override
        void read(Path file) {
            touch(Gguf.open(file));
        }
    },
    GGUF_VOCABULARY(".gguf", 400) {
        @Override
        void read(Path file) {
            try (Gguf gguf = Gguf.open(file)) {
                SentencePieceFile.of(gguf);
            }
            try (Gguf gguf = Gguf.open(file)) {
                encode(Tokenizers.gguf(gguf.metadata()));
            }
        }
    },
    LLAMA2C(".bin", 10) {
        @Override
        void read(Path file) {
            touch(Llama2c.open(file));
        }
    },
    LLAMA2C_VOCABULARY(".bin", 400) {
        @Override
        void read(Path file) {
            encode(Tokenizers.file(file));
        }
    },
    SENTENCE_PIECE(".model", 400) {
        @Override
        void read(Path file) {
            SentencePieceFile.read(file);
            encode(Tokenizers.file(file));
        }
    },
    TIKTOKEN(".tiktoken", 400) {
        @Override
        void read(Path file) {
            encode(Tokenizers.file(file));
        }
    },
    WORD_PIECE(".txt", 400) {
        @Override
        void read(Path file) {
            encode(Tokenizers.file(file));
        }
    },
    TOKENIZER_JSON(".json", 400) {
        @Override
        void read(Path file) {
            encode(Tokenizers.file(file));
        }
    },
    JSON(".json", 100) {
        @Override
        void read(Path file) {
            Json.read(file).toText(true);
        }
    },
    CONFIG(".json", 1000) {
        @Override
        void read(Path file) {
            Architecture.of(new Config(Json.readObject(file)));
        }
    },
    TEMPLATE(".jinja", 4000) {
        @Override
        void read(Path file) throws IOException {
            String source = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
            Template.parse(source).render(Map.of());
        }
    };

    private final String ending;
    private final int bytesPerByte;

    Reader(String ending, int bytesPerByte) {
        this.ending = ending;
        this.bytesPerByte = bytesPerByte;
    }

    /// Reads the file and looks at all that is in it.
    abstract void read(Path file) throws IOException;

    /// What the names of such files end in.
    String ending() {
        return ending;
    }

    /// What reading may allocate for each byte of the file, beside a fixed sum.
    int bytesPerByte() {
        return bytesPerByte;
    }

    private static void touch(Checkpoint opened) {
        try (Checkpoint checkpoint = opened) {
            var _ = checkpoint.metadata().toString();
            var some = new float[64];
            for (Checkpoint.Entry entry : checkpoint.entries()) {
                Tensor tensor = checkpoint.tensor(entry.name());
                int count = (int) Math.min(some.length, tensor.size());
                tensor.floats(0, count, some, 0);
                tensor.floats(tensor.size() - count, count, some, 0);
            }
        }
    }

    private static void encode(Tokenizer tokenizer) {
        tokenizer.decode(tokenizer.encode("The cat's 12 naïve mats \n\t <s>\uD83D\uDE00"));
    }
}
