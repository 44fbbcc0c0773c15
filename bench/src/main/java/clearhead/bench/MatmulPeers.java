package clearhead.bench;

import static org.bytedeco.openblas.global.openblas_nolapack.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.cblas_sgemm;

import clearhead.tensor.Tensor;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.presets.openblas_nolapack;

/// The libraries that [MatmulBench] measures beside ours.
final class MatmulPeers {
    private MatmulPeers() {}

    /// One product on one set of inputs: x [tokens, in], weight [out, in], dOut [tokens, out].
    enum Product {
        FORWARD,
        INPUT,
        WEIGHT
    }

    /// OpenBLAS in this process, on the very memory of our tensors.
    static final class OpenBlas {
        private OpenBlas() {}

        static void threads(int count) {
            openblas_nolapack.blas_set_num_threads(count);
        }

        /// @param c [tokens, out], [tokens, in] or [out, in]; weight gradients are added to what is there
        static Runnable product(Product product, Tensor x, Tensor weight, Tensor dOut, Tensor c) {
            int tokens = x.dim(0);
            int in = x.dim(1);
            int out = weight.dim(0);
            FloatPointer xs = pointer(x);
            FloatPointer ws = pointer(weight);
            FloatPointer ds = pointer(dOut);
            FloatPointer cs = pointer(c);
            return switch (product) {
                case FORWARD ->
                    () -> cblas_sgemm(
                            CblasRowMajor, CblasNoTrans, CblasTrans, tokens, out, in, 1, xs, in, ws, in, 0, cs, out);
                case INPUT ->
                    () -> cblas_sgemm(
                            CblasRowMajor, CblasNoTrans, CblasNoTrans, tokens, in, out, 1, ds, out, ws, in, 0, cs, in);
                case WEIGHT ->
                    () -> cblas_sgemm(
                            CblasRowMajor, CblasTrans, CblasNoTrans, out, in, tokens, 1, ds, out, xs, in, 1, cs, in);
            };
        }

        private static FloatPointer pointer(Tensor t) {
            return new FloatPointer(t.data()
                    .asSlice(0, t.size() * 4)
                    .asByteBuffer()
                    .order(ByteOrder.nativeOrder())
                    .asFloatBuffer());
        }
    }

    /// PyTorch, in a script beside: one line asks for a measurement, one answers.
    static final class Torch implements AutoCloseable {
        private final Process process;
        private final PrintWriter out;
        private final BufferedReader in;
        private final Path inputs;

        Torch(String python, int threads, boolean cpu) throws IOException {
            inputs = Files.createTempFile("matmul", ".f32");
            process = new ProcessBuilder(python, "bench/peers/matmul_torch.py", cpu ? "cpu" : "wall")
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            out = new PrintWriter(new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8), true);
            in = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
            System.out.println(line());
            out.println("threads " + threads);
        }

        void shape(Tensor x, Tensor weight, Tensor dOut) throws IOException {
            try (FileChannel file =
                    FileChannel.open(inputs, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
                for (Tensor t : new Tensor[] {x, weight, dOut}) {
                    var bytes = t.data().asSlice(0, t.size() * 4).asByteBuffer();
                    while (bytes.hasRemaining()) {
                        file.write(bytes);
                    }
                }
            }
            out.println("shape " + x.dim(0) + " " + weight.dim(0) + " " + x.dim(1) + " " + inputs);
        }

        /// @return seconds of the fastest of `repeats` passes, and the last element of the result
        double[] time(String variant, int repeats) throws IOException {
            out.println(variant + " " + repeats);
            String[] words = line().split(" ");
            return new double[] {Double.parseDouble(words[0]), Double.parseDouble(words[1])};
        }

        private String line() throws IOException {
            String line = in.readLine();
            if (line == null) {
                throw new IOException("the script with PyTorch ended; its last lines are above");
            }
            return line;
        }

        @Override
        public void close() throws IOException {
            out.close();
            process.destroy();
            Files.deleteIfExists(inputs);
        }
    }
}
