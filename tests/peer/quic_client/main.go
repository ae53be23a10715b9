// A client of DNS over QUIC on quic-go, which shares no code with libngtcp2, for tests/peer/doq.py: that says line by line what to
// do, each line an order as JSON, and each is answered by a line. It knows nothing of DNS, and does what no honest client would.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	quic "github.com/lucas-clemente/quic-go"
)

type order struct {
	Do      string // "dial", "send", "read", "storm", "open", "wait", "half"
	ID      string // of the connection
	Address string
	CA      string
	Host    string
	ALPN    string
	Window  uint64 // octets that the server may send on a stream, and on all; 0: what the library wants
	Stream  int    // a number of our own
	Hex     string
	End     bool // of what we say on the stream
	Seconds float64
	Count   int
}

type answer struct {
	Error   string `json:"error,omitempty"`
	Code    int64  `json:"code"` // of the protocol's error, or -1
	Hex     string `json:"hex,omitempty"`
	Resumed bool   `json:"resumed,omitempty"`
	Early   bool   `json:"early,omitempty"`
	Retried bool   `json:"retried,omitempty"`
	Streams int    `json:"streams,omitempty"`
}

// What came from the server, before the library sees it.
type watched struct {
	net.PacketConn
	deaf    bool
	retried atomic.Bool
}

func (w *watched) ReadFrom(room []byte) (int, net.Addr, error) {
	for {
		n, from, err := w.PacketConn.ReadFrom(room)
		if err == nil && n > 0 && room[0]&0xf0 == 0xf0 {
			w.retried.Store(true)
		}
		if err != nil || !w.deaf {
			return n, from, err
		}
	}
}

type connection struct {
	quic.Connection
	wire    *watched
	streams map[int]quic.Stream
}

var (
	connections = map[string]*connection{}
	sessions    = tls.NewLRUClientSessionCache(16)
)

func explain(err error) answer {
	var told *quic.ApplicationError
	var cut *quic.StreamError
	found := answer{Error: err.Error(), Code: -1}
	if errors.As(err, &told) {
		found.Code = int64(told.ErrorCode)
	} else if errors.As(err, &cut) {
		found.Code = int64(cut.ErrorCode)
	}
	return found
}

func seconds(o order) time.Duration {
	if o.Seconds == 0 {
		return 10 * time.Second
	}
	return time.Duration(o.Seconds * float64(time.Second))
}

func dial(o order, deaf bool) (*connection, error) {
	wire, err := net.ListenPacket("udp", ":0")
	if err != nil {
		return nil, err
	}
	to, err := net.ResolveUDPAddr("udp", o.Address)
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	w := &watched{PacketConn: wire, deaf: deaf}
	ctx, cancel := context.WithTimeout(context.Background(), seconds(o))
	defer cancel()
	c, err := quic.DialContext(ctx, w, to, o.Host,
		&tls.Config{RootCAs: roots, ServerName: o.Host, NextProtos: []string{o.ALPN}, ClientSessionCache: sessions},
		&quic.Config{MaxIdleTimeout: time.Minute, HandshakeIdleTimeout: seconds(o), InitialStreamReceiveWindow: o.Window,
			MaxStreamReceiveWindow: o.Window, InitialConnectionReceiveWindow: o.Window, MaxConnectionReceiveWindow: o.Window})
	if err != nil {
		wire.Close()
		return nil, err
	}
	return &connection{c, w, map[int]quic.Stream{}}, nil
}

func (c *connection) facts() answer {
	state := c.ConnectionState().TLS
	return answer{Resumed: state.DidResume, Early: state.Used0RTT, Retried: c.wire.retried.Load()}
}

// A stream that is open, or is opened as soon as the server allows one more.
func (c *connection) stream(o order) (quic.Stream, error) {
	if s := c.streams[o.Stream]; s != nil {
		return s, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), seconds(o))
	defer cancel()
	s, err := c.OpenStreamSync(ctx)
	if err == nil {
		c.streams[o.Stream] = s
	}
	return s, err
}

func (c *connection) send(o order) error {
	octets, err := hex.DecodeString(o.Hex)
	if err != nil {
		return err
	}
	s, err := c.stream(o)
	if err != nil {
		return err
	}
	if _, err := s.Write(octets); err != nil {
		return err
	}
	if o.End {
		return s.Close()
	}
	return nil
}

// All that comes on a stream until its end.
func (c *connection) read(o order) (answer, error) {
	s, err := c.stream(o)
	if err != nil {
		return answer{}, err
	}
	s.SetReadDeadline(time.Now().Add(seconds(o)))
	octets, err := io.ReadAll(s)
	delete(c.streams, o.Stream)
	return answer{Hex: hex.EncodeToString(octets)}, err
}

// Asks, and takes it back at once, as often as it may.
func (c *connection) storm(o order) (answer, error) {
	octets, err := hex.DecodeString(o.Hex)
	for i := 0; i < o.Count && err == nil; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), seconds(o))
		var s quic.Stream
		if s, err = c.OpenStreamSync(ctx); err == nil {
			_, err = s.Write(octets)
			s.Close()
			s.CancelRead(3)
		}
		cancel()
	}
	return answer{}, err
}

// How many streams the server lets us open at once.
func (c *connection) openAll(o order) answer {
	found := answer{}
	for found.Streams < o.Count {
		if _, err := c.OpenStream(); err != nil {
			break
		}
		found.Streams++
	}
	return found
}

// Handshakes that begin one after the other, and hear nothing.
func half(o order) {
	for i := 0; i < o.Count; i++ {
		go dial(o, true)
		time.Sleep(5 * time.Millisecond)
	}
}

func obey(o order) (answer, error) {
	if o.Do == "half" {
		half(o)
		return answer{}, nil
	}
	if o.Do == "dial" {
		c, err := dial(o, false)
		if err != nil {
			return answer{}, err
		}
		connections[o.ID] = c
		return c.facts(), nil
	}
	c := connections[o.ID]
	if c == nil {
		return answer{}, errors.New("no such connection")
	}
	switch o.Do {
	case "send":
		return answer{}, c.send(o)
	case "read":
		return c.read(o)
	case "storm":
		return c.storm(o)
	case "open":
		return c.openAll(o), nil
	case "wait": // until the server ends it
		select {
		case <-c.Context().Done():
			_, err := c.AcceptStream(context.Background())
			return answer{}, err
		case <-time.After(seconds(o)):
			return answer{Error: "still open"}, nil
		}
	}
	return answer{}, fmt.Errorf("what is %s?", o.Do)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o order
		err := json.Unmarshal(lines.Bytes(), &o)
		var a answer
		if err == nil {
			a, err = obey(o)
		}
		if err != nil {
			octets := a.Hex
			a = explain(err)
			a.Hex = octets
		}
		text, _ := json.Marshal(a)
		fmt.Println(string(text))
	}
}
