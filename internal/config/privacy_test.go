package config

import (
	"strings"
	"testing"
	"time"
)

func TestPrivacy_Defaults(t *testing.T) {
	c, err := parse("hostname = \"d.example\"", "/")
	if err != nil {
		t.Fatal(err)
	}
	p := c.Privacy
	if p.Address != "privacy@d.example" || p.Controller != "d.example" || p.Automatic() || p.Summaries() || time.Duration(p.CoolingOff) != 7*24*time.Hour ||
		p.Location() != time.UTC || len(p.Purpose) != 1 || len(p.Duty)+len(p.Processor)+len(p.Texts) != 0 || p.DPOAddress() != "" || p.PartBytes != 10<<20 || p.BackupDays != 30 {
		t.Errorf("%+v", p)
	}
}

func TestPrivacy_Whole(t *testing.T) {
	c, err := parse(`hostname = "d.example"
[privacy]
controller = "Example Ltd, 1 High Street, London"
dpo = "Dr Dana Data <dpo@d.example>."
zone = "Europe/Berlin"
country = "DE"
erasure = "automatic"
cooling_off = "0"
notify = "summary"
[[privacy.duty]]
tag = "invoice"
ground = "Article 17(3)(b) GDPR"
law = "§ 147 AO"
keep = "10y after the year"
[[privacy.processor]]
name = "Example Hosting"
[[privacy.purpose]]
name = "Repairs"
basis = "contract"
categories = "messages"
retention = "3 years"
[privacy.texts.de.refusal]
text = "x"
`, "/")
	if err != nil {
		t.Fatal(err)
	}
	p := c.Privacy
	if !p.Automatic() || !p.Summaries() || p.CoolingOff != 0 || p.Location().String() != "Europe/Berlin" || p.DPOAddress() != "dpo@d.example" ||
		len(p.Purpose) != 1 || p.Purpose[0].Name != "Repairs" || p.Texts["de"]["refusal"].Text != "x" || len(p.Processor) != 1 {
		t.Errorf("%+v", p)
	}
	if got := p.Duty[0].Keep.Until(time.Date(2026, 3, 5, 10, 0, 0, 0, p.Location())); got.Format(time.RFC3339) != "2037-01-01T00:00:00+01:00" {
		t.Errorf("kept until %s", got)
	}
}

func TestPrivacy_Refused(t *testing.T) {
	duty := func(s string) string {
		return "[[privacy.duty]]\nqueue = \"b\"\nground = \"17(3)(b)\"\nlaw = \"x\"\nkeep = \"10y\"\n" + s
	}
	replace := func(old, new string) string { return strings.Replace(duty(""), old, new, 1) }
	for text, want := range map[string]string{
		"[privacy]\naddress = \"desk\"":                        "privacy.address",
		"[privacy]\naddress = \"p+x@d.example\"":               "privacy.address",
		"[privacy]\nerasure = \"never\"":                       "neither officer nor automatic",
		"[privacy]\narchive = \"zip\"":                         "neither encrypted nor plain",
		"[privacy]\nnotify = \"some\"":                         "neither whole nor summary",
		"[privacy]\ncooling_off = \"-1h\"":                     "time span",
		"[privacy]\ncooling_off = \"soon\"":                    "time span",
		"[privacy]\nzone = \"Europe/Nowhere\"":                 "privacy.zone",
		"[privacy]\ncountry = \"Germany\"":                     "privacy.country",
		"[privacy]\nlanguage = \"German\"":                     "privacy.language",
		"[privacy]\npart_bytes = 100":                          "privacy.part_bytes",
		"[privacy]\npart_bytes = 50000000":                     "privacy.part_bytes",
		"[privacy]\nbackup_days = -1":                          "privacy.backup_days",
		"[privacy]\ncontroller = \"a\\nb\"":                    "privacy.controller",
		duty("tag = \"t\""):                                    "either a queue or a tag",
		replace("17(3)(b)", "17(3)(f)"):                        "ground",
		replace("law = \"x\"", "law = \"\""):                   "privacy.duty 1: law",
		replace("10y", "ten years"):                            "no period",
		replace("keep = \"10y\"\n", ""):                        "keep",
		"[[privacy.processor]]\npurpose = \"x\"":               "name is missing",
		"[[privacy.processor]]\nname = \"x\"\naddress = \"y\"": "no mail address",
		"[[privacy.purpose]]\nname = \"x\"":                    "Article 15(1)",
		"[privacy.texts.en.refusal]\nbody = \"x\"":             `there is no key "privacy.texts.en.refusal.body"`,
		"[privacy]\nerasuer = \"officer\"":                     `line 3: there is no key "privacy.erasuer"`,
	} {
		if _, err := parse("hostname = \"d.example\"\n"+text, "/"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestPeriod(t *testing.T) {
	from := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{"1y": "2025-03-01", "6m": "2024-08-29", "90d": "2024-05-29", "10y after the year": "2035-01-01", "6m after the year": "2025-07-01"} {
		var p Period
		if err := p.UnmarshalText([]byte(text)); err != nil || p.Until(from).Format(time.DateOnly) != want {
			t.Errorf("%s: %v %s", text, err, p.Until(from))
		}
	}
}
