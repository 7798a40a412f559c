package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones are the same wherever the program runs
)

// Privacy is what the controller decides about the rights of data subjects,
// and what it has to tell them.
type Privacy struct {
	Address    string                            `toml:"address"`
	Controller string                            `toml:"controller"`
	DPO        string                            `toml:"dpo"`
	Authority  string                            `toml:"authority"`
	Language   string                            `toml:"language"`
	Country    string                            `toml:"country"`
	Zone       string                            `toml:"zone"`
	Deputy     string                            `toml:"deputy"`
	Erasure    string                            `toml:"erasure"`
	CoolingOff Pause                             `toml:"cooling_off"`
	ManyCases  int                               `toml:"factor_above"`
	KeepRecord Pause                             `toml:"keep_record"`
	BackupDays int                               `toml:"backup_days"`
	Archive    string                            `toml:"archive"`
	PartBytes  int64                             `toml:"part_bytes"`
	Notify     string                            `toml:"notify"`
	Source     string                            `toml:"source"`
	Automated  string                            `toml:"automated"`
	Duty       []PrivacyDuty                     `toml:"duty"`
	Processor  []PrivacyProcessor                `toml:"processor"`
	Purpose    []PrivacyPurpose                  `toml:"purpose"`
	Texts      map[string]map[string]PrivacyText `toml:"texts"`

	assumed bool // the controller is the host's name, for want of another
}

// PrivacyDuty is a law that obliges to keep what stands in a queue or under a
// tag (Article 17(3) GDPR).
type PrivacyDuty struct {
	Queue  string `toml:"queue"`
	Tag    string `toml:"tag"`
	Ground string `toml:"ground"`
	Law    string `toml:"law"`
	Keep   Period `toml:"keep"`
}

// PrivacyProcessor is somebody who works with the data for the controller, and
// is told of rectifications and erasures (Articles 19 and 28 GDPR).
type PrivacyProcessor struct {
	Name      string `toml:"name"`
	Address   string `toml:"address"` // empty: told by other means
	Purpose   string `toml:"purpose"`
	Country   string `toml:"country"`
	Safeguard string `toml:"safeguard"`
}

// PrivacyPurpose is one use of the data, as the archive tells of it (Article
// 15(1) GDPR).
type PrivacyPurpose struct {
	Name       string `toml:"name"`
	Basis      string `toml:"basis"`
	Categories string `toml:"categories"`
	Retention  string `toml:"retention"`
}

// PrivacyText is the controller's own wording of a mail.
type PrivacyText struct {
	Subject string `toml:"subject"`
	Text    string `toml:"text"`
}

// usual is the use of the data where the configuration names none.
var usual = PrivacyPurpose{Name: "Reading and answering what is written to us, and dealing with it",
	Basis:      "a contract or steps before one (Article 6(1)(b) GDPR), else our legitimate interest in answering (Article 6(1)(f) GDPR)",
	Categories: "name, mail address, messages with their attachments, technical data of the mails, what was done with them",
	Retention:  "as long as the matter and the law require"}

// Pause is a time span that may be nothing: 0, 36h or 7d.
type Pause time.Duration

// UnmarshalText reads Go's notation of durations, and days.
func (p *Pause) UnmarshalText(b []byte) error {
	s := string(b)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 36500 {
			*p = Pause(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is no time span such as 0, 36h or 7d", b)
	}
	*p = Pause(v)
	return nil
}

// Period is how long a law wants something kept: years, months or days from
// the arrival, or from the end of the year of the arrival.
type Period struct {
	Years, Months, Days int
	AfterTheYear        bool
}

var periodForm = regexp.MustCompile(`^(\d{1,3})([ymd])( after the year)?$`)

// UnmarshalText reads 10y, 6m or 90d, also with "after the year" behind.
func (p *Period) UnmarshalText(b []byte) error {
	m := periodForm.FindStringSubmatch(strings.TrimSpace(string(b)))
	if m == nil {
		return fmt.Errorf(`%q is no period such as 10y, 6m, 90d or "10y after the year"`, b)
	}
	n, _ := strconv.Atoi(m[1])
	*p = Period{AfterTheYear: m[3] != ""}
	switch m[2] {
	case "y":
		p.Years = n
	case "m":
		p.Months = n
	default:
		p.Days = n
	}
	return nil
}

// Until is when what arrived then is no longer kept, in the zone of received.
func (p Period) Until(received time.Time) time.Time {
	if p.AfterTheYear {
		received = time.Date(received.Year()+1, time.January, 1, 0, 0, 0, 0, received.Location())
	}
	return received.AddDate(p.Years, p.Months, p.Days)
}

// Location is the controller's zone. It was checked.
func (p *Privacy) Location() *time.Location {
	loc, err := time.LoadLocation(p.Zone)
	if err != nil {
		return time.UTC
	}
	return loc
}

// Named is the controller as it was configured, empty where it was not.
// Controller is the host's name then: some name has to stand in privacy mails.
func (p *Privacy) Named() string {
	if p.assumed {
		return ""
	}
	return p.Controller
}

// Automatic reports whether erasures go without the officer.
func (p *Privacy) Automatic() bool { return p.Erasure == "automatic" }

// Summaries reports whether mail to agents carries no content.
func (p *Privacy) Summaries() bool { return p.Notify == "summary" }

var someAddress = regexp.MustCompile(`[^\s<>,;()"]+@[^\s<>,;()"]+[^\s<>,;()".]`)

// DPOAddress is the mail address in the data protection officer's contact,
// where the monthly report goes; empty if there is none.
func (p *Privacy) DPOAddress() string { return someAddress.FindString(p.DPO) }

// completePrivacy fills in what can be left out.
func (c *Config) completePrivacy() {
	if c.Privacy.Controller == "" {
		c.Privacy.Controller, c.Privacy.assumed = c.Hostname, true
	}
	if len(c.Privacy.Purpose) == 0 {
		c.Privacy.Purpose = []PrivacyPurpose{usual}
	}
}

var (
	languageForm = regexp.MustCompile(`^[a-z]{2}$`)
	countryForm  = regexp.MustCompile(`^[A-Z]{2}$`)
	groundForm   = regexp.MustCompile(`17\s*\(3\)\s*\(([a-e])\)`)
)

func (c *Config) checkPrivacy() error {
	p := &c.Privacy
	if n := strings.Count(p.Address, "@"); n != 1 || strings.ContainsAny(p.Address, " <>+,") {
		return fmt.Errorf("privacy.address: %q is no plain mail address", p.Address)
	}
	for key, v := range map[string]struct{ value, allowed string }{"erasure": {p.Erasure, "officer automatic"}, "archive": {p.Archive, "encrypted plain"}, "notify": {p.Notify, "whole summary"}} {
		if a, b, _ := strings.Cut(v.allowed, " "); v.value != a && v.value != b {
			return fmt.Errorf("privacy.%s: %q is neither %s nor %s", key, v.value, a, b)
		}
	}
	for key, v := range map[string]string{"controller": p.Controller, "dpo": p.DPO, "authority": p.Authority} {
		if strings.ContainsAny(v, "\r\n") || len(v) > 300 {
			return fmt.Errorf("privacy.%s: write it on one line of at most 300 letters", key)
		}
	}
	if !languageForm.MatchString(p.Language) {
		return fmt.Errorf("privacy.language: %q is no language such as en or de", p.Language)
	}
	if p.Country != "" && !countryForm.MatchString(p.Country) {
		return fmt.Errorf("privacy.country: %q is no country such as DE or FR", p.Country)
	}
	if _, err := time.LoadLocation(p.Zone); err != nil {
		return fmt.Errorf("privacy.zone: %q is no time zone such as Europe/Berlin", p.Zone)
	}
	if p.PartBytes < 1<<20 || p.PartBytes > 10<<20 {
		return errors.New("privacy.part_bytes: between 1048576 and 10485760: larger mails are refused in many places")
	}
	if p.BackupDays < 0 || p.BackupDays > 3650 {
		return errors.New("privacy.backup_days: between 0 and 3650")
	}
	if p.ManyCases < 0 {
		return errors.New("privacy.factor_above: must not be negative")
	}
	return c.checkPrivacyLists()
}

func (c *Config) checkPrivacyLists() error {
	for i, d := range c.Privacy.Duty {
		at := fmt.Sprintf("privacy.duty %d", i+1)
		switch {
		case (d.Queue == "") == (d.Tag == ""):
			return fmt.Errorf("%s: name either a queue or a tag", at)
		case !groundForm.MatchString(d.Ground):
			return fmt.Errorf("%s: ground: %q is none of Art. 17(3)(a) to (e), by which alone something is kept from an erasure", at, d.Ground)
		case strings.TrimSpace(d.Law) == "" || strings.ContainsAny(d.Law, "|\r\n"):
			return fmt.Errorf("%s: law: name the law that obliges to keep, such as § 147 AO", at)
		case d.Keep == Period{}:
			return fmt.Errorf("%s: keep: say for how long, such as 10y", at)
		}
	}
	for i, p := range c.Privacy.Processor {
		switch {
		case strings.TrimSpace(p.Name) == "" || strings.ContainsAny(p.Name, "|\r\n"):
			return fmt.Errorf("privacy.processor %d: name is missing", i+1)
		case p.Address != "" && strings.Count(p.Address, "@") != 1:
			return fmt.Errorf("privacy.processor %q: address: %q is no mail address", p.Name, p.Address)
		case p.Country != "" && !countryForm.MatchString(p.Country):
			return fmt.Errorf("privacy.processor %q: country: %q is no country such as DE or US", p.Name, p.Country)
		}
	}
	for i, p := range c.Privacy.Purpose {
		for key, v := range map[string]string{"name": p.Name, "basis": p.Basis, "categories": p.Categories, "retention": p.Retention} {
			if strings.TrimSpace(v) == "" {
				return fmt.Errorf("privacy.purpose %d: %s is missing, and people have a right to know it (Article 15(1) GDPR)", i+1, key)
			}
		}
	}
	return nil
}
