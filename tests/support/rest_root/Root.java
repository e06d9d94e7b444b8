package local;

import java.util.List;

import org.elasticsearch.Build;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;

/** GET / and HEAD /, which clients ask first, and which the distribution for integration tests lacks. */
final class Root extends BaseRestHandler {
    @Override
    public String getName() {
        return "local_root";
    }

    @Override
    public List<Route> routes() {
        return List.of(new Route(RestRequest.Method.GET, "/"), new Route(RestRequest.Method.HEAD, "/"));
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
        String answer = """
            {"name": "local", "cluster_name": "local", "cluster_uuid": "local", "tagline": "You Know, for Search",
             "version": {"number": "%s", "build_flavor": "default", "build_type": "zip"}}
            """.formatted(Build.current().version());
        return channel -> channel.sendResponse(new RestResponse(RestStatus.OK, "application/json", answer));
    }
}
