package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.tensor.DType;
import clearhead.tensor.Shape;
import clearhead.testing.SharedData;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class SafetensorsTest {
    @TempDir
    private Path folder;

    private Path file(String header, int dataBytes) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(json.length).put(json);
        for (int i = 0; i < dataBytes; i++) {
            bytes.put((byte) i);
        }
        return Files.write(folder.resolve("made.safetensors"), bytes.array());
    }

    @Test
    void readsTensorsInTheOrderOfTheData() throws IOException {
        Path path = file("""
            {"b":{"dtype":"U8","shape":[2,2],"data_offsets":[2,6]},\
            "__metadata__":{"made by":"hand"},\
            "a":{"dtype":"I16","shape":[],"data_offsets":[0,2]}}\
            """, 6);
        try (Checkpoint checkpoint = Safetensors.open(path)) {
            assertEquals(List.of("a", "b"), checkpoint.names());
            assertEquals("hand", checkpoint.metadata().get("made by"));
            assertEquals(0x0100, checkpoint.tensor("a").intAt(0));
            var b = checkpoint.tensor("b");
            assertEquals(DType.U8, b.type());
            assertEquals(new Shape(2, 2), b.shape());
            assertArrayEquals(new int[] {2, 3, 4, 5}, b.toInts());
            var absent = assertThrows(ModelFileException.class, () -> checkpoint.tensor("bb"));
            assertTrue(absent.getMessage().contains("nearest is \"b\""), absent.getMessage());
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                // hole, overlap, end before begin, negative, float, too many axes
                "{'a':{'dtype':'U8','shape':[2],'data_offsets':[2,4]}}",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]},"
                        + "'b':{'dtype':'U8','shape':[2],'data_offsets':[2,4]}}",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[4,0]}}",
                "{'a':{'dtype':'U8','shape':[-4],'data_offsets':[0,4]}}",
                "{'a':{'dtype':'U8','shape':[4.0],'data_offsets':[0,4]}}",
                "{'a':{'dtype':'U8','shape':[4,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]," + "'data_offsets':[0,4]}}",
                // duplicate names and fields, missing fields, unknown type, wrong metadata
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]},"
                        + "'a':{'dtype':'U8','shape':[0],'data_offsets':[4,4]}}",
                "{'a':{'dtype':'U8','dtype':'I8','shape':[4],'data_offsets':[0,4]}}",
                "{'a':{'dtype':'U8','data_offsets':[0,4]}}",
                "{'a':{'dtype':'U9','shape':[4],'data_offsets':[0,4]}}",
                "{'__metadata__':{'n':4},'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}}",
                // fewer elements than bytes, whole file not covered, text after the header
                "{'a':{'dtype':'U8','shape':[3],'data_offsets':[0,4]}}",
                "{'a':{'dtype':'U8','shape':[3],'data_offsets':[0,3]}}",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}}{}",
                "[]",
                "4",
                "",
            })
    void refusesMalformedHeaders(String header) throws IOException {
        Path path = file(header.replace('\'', '"'), 4);
        var e = assertThrows(
                ModelFileException.class, () -> Safetensors.open(path).close());
        assertTrue(e.getMessage().startsWith(path.toString()), e.getMessage());
    }

    @Test
    void listsButDoesNotReadUnsupportedTypes() throws IOException {
        Path path = file("{\"a\":{\"dtype\":\"F4\",\"shape\":[8],\"data_offsets\":[0,4]}}", 4);
        try (Checkpoint checkpoint = Safetensors.open(path)) {
            assertEquals("F4", checkpoint.entries().getFirst().type());
            var e = assertThrows(ModelFileException.class, () -> checkpoint.tensor("a"));
            assertTrue(e.getMessage().contains("F4 is not supported"), e.getMessage());
        }
    }

    @Test
    void shardsAreOneCheckpoint() throws IOException {
        Path one = file("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4);
        Files.move(one, folder.resolve("model-1.safetensors"));
        Path two = file("{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1);
        Files.move(two, folder.resolve("model-2.safetensors"));
        Path index = folder.resolve("model.safetensors.index.json");
        Files.writeString(
                index,
                "{\"metadata\":{},\"weight_map\":" + "{\"a\":\"model-1.safetensors\",\"b\":\"model-2.safetensors\"}}");
        try (Checkpoint checkpoint = Safetensors.open(index)) {
            assertEquals(List.of("a", "b"), checkpoint.names());
            assertEquals(3, checkpoint.tensor("a").intAt(3));
        }
        Files.delete(folder.resolve("model-2.safetensors"));
        assertThrows(ModelFileException.class, () -> Safetensors.open(index).close());
        Files.writeString(index, "{\"weight_map\":{\"a\":\"../model-1.safetensors\"}}");
        assertThrows(ModelFileException.class, () -> Safetensors.open(index).close());
    }

    @Test
    void publishedFilesAreTakenAndRefusedAsTheirManifestSays() throws IOException {
        Path vectors = SharedData.path("vectors/safetensors");
        int tested = 0;
        for (Json item : ((Json.Arr) Json.read(vectors.resolve("manifest.json"))).items()) {
            var entry = (Json.Obj) item;
            Path path = vectors.resolve(entry.text("file"));
            if (!Files.exists(path)) {
                continue;
            }
            tested++;
            if (entry.text("expect").equals("accept")) {
                try (Checkpoint checkpoint = Safetensors.open(path)) {
                    assertEquals(checkpoint.entries().size(), checkpoint.names().size());
                }
            } else {
                assertThrows(
                        ModelFileException.class, () -> Safetensors.open(path).close(), path::toString);
            }
        }
        System.out.println("safetensors: " + tested + " files of the manifest tested");
        assertTrue(tested >= 18, tested + " files of the manifest");
    }
}
