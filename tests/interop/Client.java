// PORT SECOND|- 1.2|1.3 TRUSTED PKCS12|- - REQUEST
//
// Sends the request to PORT and prints the answer. With SECOND (which must be PORT: sessions are kept by address):
// sends it again, and prints whether the session of the first connection was resumed.

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Set;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;

class Client {
    static final char[] PASSWORD = "changeit".toCharArray();

    public static void main(String[] args) throws Exception {
        String port = args[0], second = args[1], version = args[2], trusted = args[3], cert = args[4], request = args[6];
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(identity(cert), trust(trusted), null);
        // Sessions stay in the context, connections in the client: a client of its own for each connection.
        HttpResponse<String> first = send(context, version, request(port, request));
        if (!second.equals("-")) {
            Thread.sleep(10); // a session is known by the millisecond of its creation, and a resumed one keeps it
            HttpResponse<String> again = send(context, version, request(second, request));
            System.out.println("resumed=" + (created(first) == created(again)));
        }
    }

    static HttpResponse<String> send(SSLContext context, String version, HttpRequest request) throws Exception {
        SSLParameters parameters = new SSLParameters();
        parameters.setProtocols(new String[] {"TLSv" + version});
        HttpClient client = HttpClient.newBuilder()
            .sslContext(context)
            .sslParameters(parameters)
            .version(HttpClient.Version.HTTP_1_1)
            .build();
        try {
            HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println("HTTP/1.1 " + response.statusCode());
            return response;
        } catch (java.io.IOException error) {
            for (Throwable cause = error; cause != null; cause = cause.getCause()) System.out.println(cause);
            System.exit(1);
            return null;
        }
    }

    static long created(HttpResponse<String> response) {
        return response.sslSession().get().getCreationTime();
    }

    /** The request in the file, but for what the client writes itself. */
    static HttpRequest request(String port, String file) throws Exception {
        String[] halves = Files.readString(Path.of(file), StandardCharsets.UTF_8).split("\r\n\r\n", 2);
        String[] lines = halves[0].split("\r\n");
        String[] start = lines[0].split(" ");
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("https://localhost:" + port + start[1]))
            .timeout(Duration.ofSeconds(10))
            .method(start[0], HttpRequest.BodyPublishers.ofString(halves[1]));
        for (int i = 1; i < lines.length; i++) {
            String[] header = lines[i].split(": ", 2);
            if (!Set.of("host", "connection", "content-length").contains(header[0])) request.header(header[0], header[1]);
        }
        return request.build();
    }

    static javax.net.ssl.KeyManager[] identity(String pkcs12) throws Exception {
        if (pkcs12.equals("-")) return null;
        KeyStore keys = KeyStore.getInstance("PKCS12");
        keys.load(new ByteArrayInputStream(Files.readAllBytes(Path.of(pkcs12))), PASSWORD);
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(keys, PASSWORD);
        return managers.getKeyManagers();
    }

    static javax.net.ssl.TrustManager[] trust(String pem) throws Exception {
        KeyStore anchors = KeyStore.getInstance("PKCS12");
        anchors.load(null, null);
        ByteArrayInputStream file = new ByteArrayInputStream(Files.readAllBytes(Path.of(pem)));
        anchors.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(anchors);
        return managers.getTrustManagers();
    }
}
