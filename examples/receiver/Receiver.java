// Receives callbacks of Millrace: checks who sent them, takes each event once, prints it. Java 17 or newer, no libraries.
//   MILLRACE_CALLBACK_SECRET=whsec_… PORT=9000 java Receiver.java
import com.sun.net.httpserver.*;
import java.util.*;

public class Receiver {
  // Two while a secret is replaced: the new one and the former one, with a blank between them.
  static final String[] SECRETS = System.getenv("MILLRACE_CALLBACK_SECRET").trim().split("\\s+");
  // In earnest these belong into the database, in the transaction that acts on the event.
  static final Set<String> SEEN = Collections.synchronizedSet(new HashSet<>());

  static boolean isGenuine(Headers headers, byte[] body) throws Exception {
    String id = headers.getFirst("webhook-id"), at = "" + headers.getFirst("webhook-timestamp");
    if (!at.matches("\\d{1,12}") || Math.abs(System.currentTimeMillis() / 1000 - Long.parseLong(at)) > 300) return false;
    for (String secret : SECRETS) {
      var mac = javax.crypto.Mac.getInstance("HmacSHA256");
      var key = Base64.getDecoder().decode(secret.replace("whsec_", ""));
      mac.init(new javax.crypto.spec.SecretKeySpec(key, "HmacSHA256"));
      mac.update((id + "." + at + ".").getBytes("ISO-8859-1"));
      byte[] want = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes();
      for (String given : ("" + headers.getFirst("webhook-signature")).split(" "))
        if (java.security.MessageDigest.isEqual(given.getBytes(), want)) return true;
    }
    return false;
  }

  public static void main(String[] args) throws Exception {
    var port = System.getenv().getOrDefault("PORT", "9000");
    var server = HttpServer.create(new java.net.InetSocketAddress("127.0.0.1", Integer.parseInt(port)), 0);
    server.setExecutor(java.util.concurrent.Executors.newFixedThreadPool(8));
    server.createContext("/", exchange -> { try (exchange) {
      byte[] body = exchange.getRequestBody().readNBytes(4 << 20);
      boolean genuine = isGenuine(exchange.getRequestHeaders(), body);
      String id = exchange.getRequestHeaders().getFirst("webhook-id");
      if (genuine && SEEN.add(id)) System.out.println(id + " " + new String(body, "UTF-8"));
      exchange.sendResponseHeaders(genuine ? 204 : 401, -1);
    } catch (Exception error) { System.err.println(error); } });
    server.start();
  }
}
