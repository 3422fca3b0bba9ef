// PORT SECOND|- 1.2|1.3 TRUSTED CERT|- KEY|- REQUEST
//
// Sends the request to PORT and prints the answer. With SECOND: sends it there too, offering the session of the
// first connection (sessions are kept by server name), and prints whether it was resumed.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
)

func main() {
	port, second, version, trusted := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	cert, key, request := os.Args[5], os.Args[6], os.Args[7]

	config := &tls.Config{
		ServerName:         "localhost",
		RootCAs:            x509.NewCertPool(),
		MinVersion:         map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[version],
		ClientSessionCache: tls.NewLRUClientSessionCache(8),
	}
	config.MaxVersion = config.MinVersion
	config.RootCAs.AppendCertsFromPEM(must(os.ReadFile(trusted)))
	if cert != "-" {
		config.Certificates = []tls.Certificate{must(tls.LoadX509KeyPair(cert, key))}
	}
	body := must(os.ReadFile(request))

	talk(config, port, body)
	if second != "-" {
		fmt.Printf("\nresumed=%t\n", talk(config, second, body))
	}
}

// Whether the session was a resumed one.
func talk(config *tls.Config, port string, request []byte) bool {
	conn := must(tls.Dial("tcp", "127.0.0.1:"+port, config))
	defer conn.Close()
	must(conn.Write(request))
	must(io.Copy(os.Stdout, conn))
	return conn.ConnectionState().DidResume
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return value
}
