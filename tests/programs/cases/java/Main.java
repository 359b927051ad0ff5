import greeting.Greeting;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Files, threads and processes. */
public class Main {
    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0 && arguments[0].equals("exit")) {
            System.exit(5);
        }
        for (String name : arguments) {
            System.out.println(new Greeting(name).text());
        }
        System.out.println("threads: " + threads());
        System.out.println("child: " + child("sh", "-c", "pwd; id -u; exit 4"));
        System.out.println("files: " + files());
        System.out.println("user: " + System.getProperty("user.name") + " " + System.getProperty("java.home"));
    }

    private static int threads() throws Exception {
        var pool = Executors.newFixedThreadPool(8);
        List<Callable<Integer>> tasks = new java.util.ArrayList<>();
        for (int number = 0; number < 64; number++) {
            tasks.add(() -> Files.readString(Path.of("/etc/passwd")).isEmpty() ? 0 : 1);
        }
        int sum = 0;
        for (Future<Integer> done : pool.invokeAll(tasks)) {
            sum += done.get();
        }
        pool.shutdown();
        return sum;
    }

    private static String child(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String text = new String(process.getInputStream().readAllBytes()).replace('\n', ' ');
        return text + process.waitFor();
    }

    private static String files() throws IOException {
        Path folder = Files.createDirectories(Path.of("work/deep"));
        Path one = Files.writeString(folder.resolve("one"), "content\n");
        Files.setPosixFilePermissions(one, PosixFilePermissions.fromString("rwxr-x---"));
        Files.createSymbolicLink(folder.resolve("link"), Path.of("one"));
        Files.move(one, folder.resolve("two"), StandardCopyOption.ATOMIC_MOVE);
        boolean dangling = Files.exists(folder.resolve("link"));
        try (var channel = FileChannel.open(folder.resolve("two"), StandardOpenOption.WRITE); var lock = channel.lock()) {
            channel.truncate(3);
            return dangling + " " + lock.isValid() + " " + Files.copy(folder.resolve("two"), Path.of("copy")).toRealPath();
        }
    }
}
