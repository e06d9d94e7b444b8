import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.opensearch.Version;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;
import org.opensearch.plugins.PluginInfo;

/**
 * One OpenSearch node on loopback, until SIGTERM: OpenSearchNode HOME READY [setting=value ...]
 *
 * READY is a file or named pipe that receives the endpoint once the node answers, or "-" for none.
 * It runs as any user, which OpenSearch's own start refuses to root. OpenSearch 2.19 and 3.
 */
public final class OpenSearchNode extends Node {
    private static final String NAME = "local";
    private static final String LOOPBACK = "127.0.0.1";
    private static final int CLOSE_TIMEOUT_S = 10;

    private OpenSearchNode(Environment environment, Collection<?> plugins) {
        super(environment, cast(plugins), false);
    }

    public static void main(String[] arguments) {
        try {
            run(Path.of(arguments[0]).toAbsolutePath(), arguments[1], List.of(arguments).subList(2, arguments.length));
        } catch (Exception | LinkageError error) {
            error.printStackTrace();
            // Threads of a node that half started would keep the process.
            System.exit(1);
        }
    }

    private static void run(Path home, String ready, List<String> chosen) throws Exception {
        for (String folder : List.of("config", "data", "logs")) Files.createDirectories(home.resolve(folder));
        Environment environment = InternalSettingsPreparer.prepareEnvironment(
            settings(home, chosen), Map.of(), home.resolve("config"), () -> NAME);
        LogConfigurator.configureWithoutConfig(environment.settings());
        OpenSearchNode node = new OpenSearchNode(environment, plugins());
        Runtime.getRuntime().addShutdownHook(new Thread(node::end));
        node.start();
        if (!ready.equals("-")) announce(Path.of(ready), node.endpoint());
        new CountDownLatch(1).await();
    }

    private static Settings settings(Path home, List<String> chosen) {
        Settings.Builder builder = Settings.builder()
            .put("cluster.name", NAME)
            .put("node.name", NAME)
            // A developer's disk is often nearly full, and the flood stage would block every index.
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .put("http.port", 0)
            .put("transport.port", 0);
        for (String setting : chosen) {
            String[] pair = setting.split("=", 2);
            builder.put(pair[0], pair[1]);
        }
        // Last, so that nothing opens the node to others.
        return builder
            .put("path.home", home.toString())
            .put("network.host", LOOPBACK)
            .put("http.host", LOOPBACK)
            .put("transport.host", LOOPBACK)
            .put("discovery.type", "single-node")
            .put("http.type", "netty4")
            .put("transport.type", "netty4")
            .build();
    }

    /** The one that speaks HTTP, named and handed over differently by each major version. */
    private static Collection<?> plugins() throws ClassNotFoundException {
        if (Version.CURRENT.major < 3) {
            return List.of(Class.forName("org.opensearch.transport.Netty4Plugin").asSubclass(Plugin.class));
        }
        String name = "org.opensearch.transport.Netty4ModulePlugin";
        return List.of(new PluginInfo(name, NAME, "NA", Version.CURRENT, "21", name, List.of(), false));
    }

    @SuppressWarnings("unchecked")
    private static <T> Collection<T> cast(Collection<?> plugins) {
        return (Collection<T>) plugins;
    }

    private String endpoint() {
        var address = injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress();
        return "http://" + LOOPBACK + ":" + address.getPort();
    }

    /** Write the endpoint whole: a pipe has a waiting reader, and a file appears at once. */
    private static void announce(Path ready, String endpoint) throws Exception {
        if (Files.exists(ready) && !Files.isRegularFile(ready)) {
            Files.writeString(ready, endpoint + "\n");
            return;
        }
        Path half = ready.resolveSibling(ready.getFileName() + ".part");
        Files.writeString(half, endpoint + "\n");
        Files.move(half, ready, StandardCopyOption.ATOMIC_MOVE);
    }

    private void end() {
        try {
            close();
            awaitClose(CLOSE_TIMEOUT_S, TimeUnit.SECONDS);
        } catch (Exception error) {
            error.printStackTrace();
        }
    }
}
