package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme/autocert"

	"postroom/internal/config"
)

// certificates gives the doors their certificate, and a new one after SIGHUP.
type certificates struct {
	cfg     *config.Config
	current atomic.Pointer[tls.Certificate]
	acme    *autocert.Manager
}

func newCertificates(cfg *config.Config) (*certificates, error) {
	c := &certificates{cfg: cfg}
	if cfg.TLS.ACME {
		c.acme = &autocert.Manager{Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(cfg.Hostname),
			Cache: autocert.DirCache(filepath.Join(cfg.Data, "acme"))}
		return c, nil
	}
	return c, c.reload()
}

// reload reads the files again. On an error the old certificate stays.
func (c *certificates) reload() error {
	if c.acme != nil {
		return nil
	}
	if c.cfg.TLS.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.cfg.TLS.Cert, c.cfg.TLS.Key)
		if err != nil {
			return fmt.Errorf("tls.cert: %w", err)
		}
		c.current.Store(&pair)
		return nil
	}
	pair, err := selfSigned(c.cfg)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	c.current.Store(pair)
	return nil
}

func (c *certificates) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.acme != nil {
		if hello.ServerName == "" {
			hello.ServerName = c.cfg.Hostname // many mail servers send none
		}
		return c.acme.GetCertificate(hello)
	}
	return c.current.Load(), nil
}

// config is for the mail doors: TLS 1.2 and later (RFC 8996).
func (c *certificates) config() *tls.Config {
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}
}

// acmeConfig answers the challenges of Let's Encrypt on port 443.
func (c *certificates) acmeConfig() *tls.Config { return c.acme.TLSConfig() }

// selfSigned keeps a certificate of our own in the data folder, so that it
// stays the same over restarts.
func selfSigned(cfg *config.Config) (*tls.Certificate, error) {
	path := filepath.Join(cfg.Data, "self-signed.pem")
	if pair, err := tls.LoadX509KeyPair(path, path); err == nil {
		if pair.Leaf != nil && pair.Leaf.VerifyHostname(cfg.Hostname) == nil && time.Now().Before(pair.Leaf.NotAfter.Add(-30*24*time.Hour)) {
			return &pair, nil
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: cfg.Hostname}, DNSNames: []string{cfg.Hostname},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(2, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(text, text)
	return &pair, err
}
